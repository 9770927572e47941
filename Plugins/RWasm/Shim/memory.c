/* Memory: growing a linear memory and a table, random bytes, files in memory. */
#define _GNU_SOURCE
#include "CRWasm.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int32_t rwasm_grow(struct rwasm_memory *memory, uint32_t pages) {
    uint64_t more = (uint64_t)pages << 16;
    uint64_t old = memory->bytes;
    if (more > memory->maximum - old || more > *memory->room) return -1;
    /* A run that is stopped between these two leaves more accessible than `bytes` says, and nothing reads it again. */
    if (more != 0 && mprotect(memory->base + old, more, PROT_READ | PROT_WRITE) != 0) return -1;
    *memory->room -= more;
    memory->bytes = old + more;
    return (int32_t)(old >> 16);
}

int32_t rwasm_grow_table(struct rwasm_table *table, uint32_t count) {
    uint32_t old = table->size;
    uint64_t more = (uint64_t)count * sizeof *table->elements;
    if (count > table->capacity - old || more > *table->room) return -1;
    *table->room -= more;
    table->size = old + count;
    return (int32_t)old;
}

int rwasm_random(void *bytes, size_t count) { return getentropy(bytes, count) == 0 ? 0 : errno; }

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

int rwasm_memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_EXEC);
    /* Before Linux 6.3 every memory file may be executed and the flag is unknown. */
    return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC) : fd;
}
