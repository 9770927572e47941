/* Memory mappings. All memory is readable and writable: mprotect cannot take rights away, and grants none to execute. */
#include "mappings.h"
#include <fcntl.h>
#include <sys/mman.h>

#define LARGE ((size_t)1 << 20)
#define PARTS ((size_t)8)

/* A large part of the memory under PROT_NONE is addresses to be used later. Less is memory, which costs none either as long
 * as it is not touched. */
static long map_anonymous(size_t length, long protection) {
    if (protection == PROT_NONE && length >= LARGE && length / HL_PAGE >= hl_pages_free() / PARTS) {
        char *reserved = hl_reserve(length);
        if (reserved) return (long)reserved;
    }
    char *to = hl_pages_take(hl_pages_for(length), true);
    return to ? (long)to : -ENOMEM;
}

/* A private mapping is a copy. */
static long map_private(struct hl_node *file, size_t length, uint64_t offset) {
    char *to = hl_pages_take(hl_pages_for(length), true);
    if (!to) return -ENOMEM;
    hl_file_read(file, to, length, offset);
    return (long)to;
}

static long map_file(size_t length, long protection, long flags, long descriptor, uint64_t offset) {
    long error;
    struct hl_open *open = hl_readable(descriptor, &error);
    if (!open) return error == -EISDIR ? -ENODEV : hl_open_of(descriptor) ? -EACCES : error;
    struct hl_node *file = open->node;
    bool shared = (flags & MAP_TYPE) != MAP_PRIVATE, writable = (open->flags & HL_ACCESS_MODE) == O_RDWR;
    if (file->kind == HL_DEVICE && file->device == HL_ZERO) return map_anonymous(length, protection);
    if (file->kind != HL_FILE) return -ENODEV;
    if (shared && protection & PROT_WRITE && !writable) return -EACCES;
    /* An input that nobody can change needs not be made the file's own first. */
    bool alone = file->file.capacity == 0 && !writable;
    return shared && !alone ? hl_map_shared(file, offset, length, writable) : map_private(file, length, offset);
}

/* Over what is mapped already: memory in use, or reserved addresses. */
static long map_fixed(char *to, size_t length, long protection, long flags, long descriptor, uint64_t offset) {
    bool anonymous = flags & MAP_ANONYMOUS, reserved = hl_is_reserved(to);
    if ((uintptr_t)to % HL_PAGE != 0) return -EINVAL;
    if (!(flags & MAP_FIXED)) return reserved || hl_pages_in_use(to, length) ? -EEXIST : -ENOMEM;
    if (reserved && anonymous) hl_reserved_leave(to, length, false);
    if (reserved && anonymous && protection == PROT_NONE) return (long)to;
    if (reserved ? !hl_reserved_use(to, length) : !hl_pages_in_use(to, length)) return -ENOMEM;
    memset(to, 0, hl_pages_for(length) * HL_PAGE);
    if (anonymous) return (long)to;
    long error;
    struct hl_open *open = hl_readable(descriptor, &error);
    if (!open) return error == -EISDIR ? -ENODEV : error;
    if (open->node->kind != HL_FILE) return -ENODEV;
    /* A file's own memory has its place already. */
    if ((flags & MAP_TYPE) != MAP_PRIVATE && protection & PROT_WRITE) return -EINVAL;
    hl_file_read(open->node, to, length, offset);
    return (long)to;
}

long hl_mmap(long address, long length, long protection, long flags, long descriptor, long offset) {
    if (length == 0 || offset % (long)HL_PAGE != 0 || offset < 0) return -EINVAL;
    if ((size_t)length > SIZE_MAX / 2 - HL_PAGE) return -ENOMEM;
    if (protection & PROT_EXEC) return -EPERM;
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return map_fixed((char *)address, (size_t)length, protection, flags, descriptor, (uint64_t)offset);
    if (flags & MAP_ANONYMOUS) return map_anonymous((size_t)length, protection);
    return map_file((size_t)length, protection, flags, descriptor, (uint64_t)offset);
}

long hl_munmap(long address, long length) {
    if (address % (long)HL_PAGE != 0 || length <= 0) return -EINVAL;
    size_t rest = hl_pages_for((size_t)length) * HL_PAGE;
    for (char *at = (char *)address; rest > 0;) {
        size_t part = rest;
        if (hl_is_reserved(at)) hl_reserved_leave(at, part, true);
        else if (!hl_unmap_shared(at, &part)) hl_pages_give(at, part / HL_PAGE);
        at += part;
        rest -= part;
    }
    return 0;
}

static long move(char *old, size_t pages, size_t wanted) {
    char *moved = hl_pages_take(wanted, true);
    if (!moved) return -ENOMEM;
    memcpy(moved, old, pages * HL_PAGE);
    hl_pages_give(old, pages);
    return (long)moved;
}

long hl_mremap(long address, long old_length, long new_length, long flags, long to) {
    char *old = (char *)address;
    size_t pages = hl_pages_for((size_t)old_length), wanted = hl_pages_for((size_t)new_length);
    (void)to;
    if (address % (long)HL_PAGE != 0 || new_length <= 0 || flags & MREMAP_FIXED) return -EINVAL;
    long shared = hl_remap_shared(old, (size_t)old_length, (size_t)new_length);
    if (shared != 0) return shared;
    if (hl_is_reserved(old) || !hl_pages_in_use(old, (size_t)old_length)) return -EFAULT;
    if (wanted <= pages) {
        hl_pages_give(old + wanted * HL_PAGE, pages - wanted);
        return address;
    }
    if (hl_pages_extend(old, pages, wanted, true)) return address;
    return flags & MREMAP_MAYMOVE ? move(old, pages, wanted) : -ENOMEM;
}

long hl_mprotect(long address, long length, long protection) {
    if (address % (long)HL_PAGE != 0) return -EINVAL;
    if (protection & PROT_EXEC) return -EACCES;
    if (protection == PROT_NONE || length == 0 || !hl_is_reserved((char *)address)) return 0;
    return hl_reserved_use((char *)address, (size_t)length) ? 0 : -ENOMEM;
}

/* MADV_DONTNEED promises zeros, but in a file's own memory what is in the file. */
long hl_madvise(long address, long length, long advice) {
    char *at = (char *)address;
    if (address % (long)HL_PAGE != 0) return -EINVAL;
    if (advice != MADV_DONTNEED || hl_is_shared(at)) return 0;
    if (hl_is_reserved(at)) {
        hl_reserved_clear(at, (size_t)length);
        return 0;
    }
    if (!hl_pages_in_use(at, (size_t)length)) return -ENOMEM;
    memset(at, 0, hl_pages_for((size_t)length) * HL_PAGE);
    return 0;
}
