/* Linear memory: growing it, and making it read as zeros again. */
#define _GNU_SOURCE
#include "CRWasm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
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

/* PAGEMAP_SCAN (Linux 6.7), which older headers lack; see Documentation/admin-guide/mm/pagemap.rst. */
struct region {
    uint64_t start, end, categories;
};
struct scan {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN _IOWR('f', 16, struct scan)
enum { PRESENT = 1 << 3, SWAPPED = 1 << 4, ZERO = 1 << 5, REGIONS = 64 };

int rwasm_open_pagemap(void) {
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    struct scan probe = {.size = sizeof probe, .category_anyof_mask = PRESENT, .return_mask = PRESENT};
    if (ioctl(fd, SCAN, &probe) == 0) return fd;
    close(fd);
    return -1;
}

void rwasm_zero(int pagemap, void *base, uint64_t bytes, uint64_t keep) {
    struct region regions[REGIONS];
    uint64_t start = (uint64_t)base, end = start + bytes;
    uint64_t kept = keep < bytes ? start + keep : end;
    struct scan scan = {
        .size = sizeof scan,
        .start = start,
        .end = end,
        .vec = (uint64_t)regions,
        .vec_len = REGIONS,
        /* Present or swapped out, but not the shared page of zeros. */
        .category_anyof_mask = PRESENT | SWAPPED,
        .category_mask = ZERO,
        .category_inverted = ZERO,
        .return_mask = PRESENT,
    };
    while (scan.start < scan.end) {
        int found = pagemap < 0 ? -1 : ioctl(pagemap, SCAN, &scan);
        if (found < 0) {
            madvise(base, bytes, MADV_DONTNEED);
            return;
        }
        for (int i = 0; i < found; i++) {
            /* Zeroing a page in place costs a thirtieth of giving it back and faulting it in anew. */
            uint64_t below = regions[i].end < kept ? regions[i].end : kept;
            if (regions[i].start < below) memset((void *)regions[i].start, 0, below - regions[i].start);
            if (regions[i].end <= kept) continue;
            madvise((void *)kept, end - kept, MADV_DONTNEED);
            return;
        }
        scan.start = scan.walk_end;
    }
}
