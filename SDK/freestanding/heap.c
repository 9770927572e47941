/* A bump allocator over [heap_begin, heap_end) of the system data; the platform hands that memory over zeroed. */
#include "runtime.h"

#define ALIGNMENT ((uintptr_t)16)

static size_t reserved; /* bytes at the end that are promised to the output table */

static char *aligned(char *address) { return (char *)(((uintptr_t)address + ALIGNMENT - 1) & ~(ALIGNMENT - 1)); }

size_t dandelion_available(void) {
    char *begin = aligned(__dandelion_system_data.heap_begin);
    char *end = __dandelion_system_data.heap_end;
    size_t free = begin < end ? (size_t)(end - begin) : 0;
    return free > reserved ? (free - reserved) & ~(ALIGNMENT - 1) : 0;
}

void *dandelion_allocate(size_t size) {
    if (size > dandelion_available()) return NULL;
    char *begin = aligned(__dandelion_system_data.heap_begin);
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
