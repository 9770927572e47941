/* Memory mappings. All memory is readable and writable: mprotect cannot take rights away, and grants none to execute.
 * A file is mapped by copying it, so a shared mapping of it may only be read. */
#include "calls.h"
#include <fcntl.h>
#include <sys/mman.h>

static long map_file(char *to, size_t length, long descriptor, uint64_t offset) {
    long error;
    struct hl_open *open = hl_readable(descriptor, &error);
    if (!open) return error == -EISDIR ? -ENODEV : error;
    if (open->node->kind != HL_FILE) return -ENODEV;
    return (long)hl_file_read(open->node, to, length, offset);
}

long hl_mmap(long address, long length, long protection, long flags, long descriptor, long offset) {
    bool anonymous = flags & MAP_ANONYMOUS;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    size_t pages = hl_pages_for((size_t)length);
    if (length == 0 || (size_t)length > SIZE_MAX / 2 || offset % (long)HL_PAGE != 0) return -EINVAL;
    if (protection & PROT_EXEC) return -EPERM;
    if (!anonymous && (flags & MAP_TYPE) != MAP_PRIVATE && protection & PROT_WRITE) return -ENODEV;
    char *to = (char *)address;
    if (!fixed) {
        to = hl_pages_take(pages, true);
        if (!to) return -ENOMEM;
    } else if (!(flags & MAP_FIXED) || !hl_pages_in_use(to, (size_t)length)) {
        return -ENOMEM;
    } else {
        memset(to, 0, pages * HL_PAGE);
    }
    if (anonymous) return (long)to;
    long error = map_file(to, (size_t)length, descriptor, (uint64_t)offset);
    if (error >= 0) return (long)to;
    if (!fixed) hl_pages_give(to, pages);
    return error;
}

long hl_munmap(long address, long length) {
    if (address % (long)HL_PAGE != 0 || length == 0) return -EINVAL;
    hl_pages_give((void *)address, hl_pages_for((size_t)length));
    return 0;
}

long hl_mremap(long address, long old_length, long new_length, long flags, long to) {
    char *old = (char *)address;
    size_t pages = hl_pages_for((size_t)old_length), wanted = hl_pages_for((size_t)new_length);
    (void)to;
    if (address % (long)HL_PAGE != 0 || new_length == 0 || flags & MREMAP_FIXED) return -EINVAL;
    if (!hl_pages_in_use(old, (size_t)old_length)) return -EFAULT;
    if (wanted <= pages) {
        hl_pages_give(old + wanted * HL_PAGE, pages - wanted);
        return address;
    }
    if (hl_pages_extend(old, pages, wanted, true)) return address;
    char *moved = flags & MREMAP_MAYMOVE ? hl_pages_take(wanted, true) : NULL;
    if (!moved) return -ENOMEM;
    memcpy(moved, old, pages * HL_PAGE);
    hl_pages_give(old, pages);
    return (long)moved;
}

long hl_mprotect(long address, long length, long protection) {
    (void)length;
    if (address % (long)HL_PAGE != 0) return -EINVAL;
    return protection & PROT_EXEC ? -EACCES : 0;
}

/* MADV_DONTNEED promises zeros. */
long hl_madvise(long address, long length, long advice) {
    if (address % (long)HL_PAGE != 0) return -EINVAL;
    if (advice != MADV_DONTNEED) return 0;
    if (!hl_pages_in_use((void *)address, (size_t)length)) return -ENOMEM;
    memset((void *)address, 0, hl_pages_for((size_t)length) * HL_PAGE);
    return 0;
}
