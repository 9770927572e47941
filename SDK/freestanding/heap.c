/* A bump allocator over [heap_begin, heap_end) of the system data; the platform hands that memory over zeroed. */
#include "runtime.h"

#define ALIGNMENT ((uintptr_t)16)

/* A block of this many bytes may become an item whose pages the platform hands on without a copy. Sandboxes have large pages
 * above the first 8 MiB, and such a page is mapped at once, so that is where large blocks begin if there is plenty. */
#define LARGE ((size_t)2 << 20)
#define LARGE_FROM ((uintptr_t)8 << 20)

static size_t reserved; /* bytes at the end that are promised to the output table */

static char *aligned(char *address) { return (char *)(((uintptr_t)address + ALIGNMENT - 1) & ~(ALIGNMENT - 1)); }

size_t dandelion_available(void) {
    char *begin = aligned(__dandelion_system_data.heap_begin);
    char *end = __dandelion_system_data.heap_end;
    size_t free = begin < end ? (size_t)(end - begin) : 0;
    return free > reserved ? (free - reserved) & ~(ALIGNMENT - 1) : 0;
}

/* Bytes to skip before a large block; 0 where a quarter of what is free would be lost. */
static size_t large_gap(const char *begin, size_t size) {
    uintptr_t wanted = ((uintptr_t)begin + LARGE - 1) & ~(uintptr_t)(LARGE - 1);
    if (wanted < LARGE_FROM) wanted = LARGE_FROM;
    size_t gap = (size_t)(wanted - (uintptr_t)begin), rest = dandelion_available() - size;
    return gap <= rest / 4 ? gap : 0;
}

void *dandelion_allocate(size_t size) {
    if (size > dandelion_available()) return NULL;
    char *begin = aligned(__dandelion_system_data.heap_begin);
    if (size >= LARGE) begin += large_gap(begin, size);
    __dandelion_system_data.heap_begin = begin + size;
    return begin;
}

int dandelion_reserve(size_t size) {
    if (size > dandelion_available()) return -1;
    reserved += size;
    return 0;
}

void *dandelion_take_reserved(void) {
    char *begin = aligned(__dandelion_system_data.heap_begin);
    __dandelion_system_data.heap_begin = begin + reserved;
    reserved = 0;
    return begin;
}
