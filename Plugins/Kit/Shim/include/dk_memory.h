/* Files in memory (memory.c). */
#ifndef DK_MEMORY_H
#define DK_MEMORY_H

#include <stdint.h>

#pragma clang assume_nonnull begin

/* memfd_create(2) of that size: may be mapped executable, may be sealed, closed on exec. A descriptor or -errno. */
int32_t dk_memory_file(const char *name, uint64_t size);
/* Makes the first `size` bytes of the file zero by giving their memory back. 0 or errno. */
int32_t dk_empty(int32_t fd, uint64_t size);
/* Nobody can change the file from now on; the caller must not have it mapped writable. 0 or errno. */
int32_t dk_seal(int32_t fd);

#pragma clang assume_nonnull end
#endif
