/* In the place of src/mman/mmap.c, which tells the kernel's EPERM as ENOMEM: here it means that there is no memory to
 * execute in. */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include "syscall.h"

void *__mmap(void *start, size_t length, int protection, int flags, int descriptor, off_t offset)
{
    if (length >= PTRDIFF_MAX) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)__syscall_ret(__syscall(SYS_mmap, start, length, protection, flags, descriptor, offset));
}

weak_alias(__mmap, mmap);
