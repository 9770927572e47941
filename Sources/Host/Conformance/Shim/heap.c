/* A heap whose blocks end at a page without rights, for what a plugin allocates. Nothing is used twice: a child process
 * judges a few calls and ends. */
#define _GNU_SOURCE
#include "internal.h"
#include "heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FILL = 0xa5, BEFORE = 64, FREED = 1, LARGEST = 1 << 26 };
#define ARENA (1ull << 34)

static uint8_t *arena;
/* By page of the arena: (size of the block that begins there << 1 | FREED) + 1, 0 = none begins. */
static uint64_t *begins;
static _Atomic uint64_t used; /* pages */
static atomic_bool is_armed;
static void *(*real_malloc)(size_t), *(*real_realloc)(void *, size_t), *(*real_memalign)(size_t, size_t);
static void (*real_free)(void *);
static size_t (*real_usable)(void *);

int ck_heap_prepare(void) {
    if (arena) return 0;
    void *self = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    if (!self) return ENOENT;
    real_malloc = dlsym(self, "malloc");
    real_realloc = dlsym(self, "realloc");
    real_memalign = dlsym(self, "memalign");
    real_free = dlsym(self, "free");
    real_usable = dlsym(self, "malloc_usable_size");
    if (!real_malloc || !real_realloc || !real_memalign || !real_free || !real_usable) return ENOSYS;
    uint64_t pages = ARENA / ck_page();
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    begins = mmap(NULL, pages * sizeof *begins, PROT_READ | PROT_WRITE, flags, -1, 0);
    void *memory = mmap(NULL, ARENA, PROT_NONE, flags, -1, 0);
    if (begins == MAP_FAILED || memory == MAP_FAILED) return ENOMEM;
    arena = memory;
    return 0;
}

void ck_arm_heap(bool armed) { atomic_store(&is_armed, armed); }

static bool is_ours(const void *at) { return arena && (uint8_t *)at >= arena && (uint8_t *)at < arena + ARENA; }

static uint64_t page_of(const void *at) { return (uint64_t)((uint8_t *)at - arena) / ck_page(); }

struct block {
    uint8_t *start;
    uint64_t page, pages, size;
    bool is_freed;
};

/* The block that begins in this page or the last one before it. */
static bool block_at(uint64_t page, struct block *out) {
    uint64_t first = page;
    while (begins[first] == 0 && first > 0 && page - first <= LARGEST / ck_page()) first--;
    if (begins[first] == 0) return false;
    uint64_t size = (begins[first] - 1) >> 1, pages = (size + ck_page() - 1) / ck_page();
    if (pages == 0) pages = 1;
    /* Aligned as the arena's pages let it be: to the largest power of two, up to 16, that malloc(3) promises, or more. */
    uint64_t end = (first + pages) * ck_page(), room = (size + 15) & ~15ull;
    if (room == 0) room = 16;
    *out = (struct block){arena + end - room, first, pages, size, (begins[first] - 1) & FREED};
    return true;
}

static void damage(const char *what, uint64_t size) {
    if (!ck_current || ck_current->damage[0]) return;
    snprintf(ck_current->damage, sizeof ck_current->damage, "it %s a block of %lu bytes that it allocated", what,
             (unsigned long)size);
}

static void judge(const struct block *one) {
    const uint8_t *low = arena + one->page * ck_page(), *high = arena + (one->page + one->pages) * ck_page();
    for (const uint8_t *at = one->start + one->size; at < high; at++)
        if (*at != FILL) return damage("wrote behind the end of", one->size);
    for (const uint8_t *at = one->start - low > BEFORE ? one->start - BEFORE : low; at < one->start; at++)
        if (*at != FILL) return damage("wrote before the begin of", one->size);
}

void ck_check_heap(void) {
    struct block one;
    uint64_t end = arena ? atomic_load(&used) : 0;
    for (uint64_t page = 0; page < end; page++)
        if (begins[page] && block_at(page, &one) && !one.is_freed) judge(&one);
}

static void *allocate(size_t size) {
    if (!atomic_load(&is_armed) || size > LARGEST) return NULL;
    uint64_t pages = (size + ck_page() - 1) / ck_page();
    if (pages == 0) pages = 1;
    uint64_t first = atomic_fetch_add(&used, pages + 1);
    if ((first + pages + 1) * ck_page() > ARENA) return NULL;
    uint8_t *low = arena + first * ck_page();
    /* One page stays between blocks. Too many mappings: whoever asked gets ordinary memory. */
    if (mprotect(low, pages * ck_page(), PROT_READ | PROT_WRITE) != 0) return NULL;
    begins[first] = ((uint64_t)size << 1) + 1;
    struct block one;
    block_at(first, &one);
    uint8_t *fill = one.start - low > BEFORE ? one.start - BEFORE : low, *high = low + pages * ck_page();
    memset(fill, FILL, (size_t)(one.start - fill));
    memset(one.start + size, FILL, (size_t)(high - one.start - size));
    return one.start;
}

void *ck_malloc(size_t size) {
    void *block = allocate(size);
    return block ? block : real_malloc(size);
}

void *ck_calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    /* Fresh pages are zero. */
    void *block = allocate(bytes);
    if (block || !(block = real_malloc(bytes))) return block;
    return memset(block, 0, bytes);
}

void ck_free(void *at) {
    if (!is_ours(at)) return real_free(at);
    struct block one = {0};
    if (!block_at(page_of(at), &one) || one.start != at) {
        damage("freed an address inside of", one.size);
        return;
    }
    if (one.is_freed) return damage("freed twice", one.size);
    judge(&one);
    begins[one.page] = (one.size << 1 | FREED) + 1;
    madvise(arena + one.page * ck_page(), one.pages * ck_page(), MADV_DONTNEED);
    mprotect(arena + one.page * ck_page(), one.pages * ck_page(), PROT_NONE);
}

void *ck_realloc(void *at, size_t size) {
    if (!at) return ck_malloc(size);
    if (!is_ours(at)) return real_realloc(at, size);
    struct block one = {0};
    if (!block_at(page_of(at), &one) || one.start != at) {
        damage("reallocated an address inside of", one.size);
        return NULL;
    }
    void *other = ck_malloc(size);
    if (!other) return NULL;
    memcpy(other, at, size < one.size ? size : one.size);
    ck_free(at);
    return other;
}

void *ck_reallocarray(void *at, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return ck_realloc(at, bytes);
}

void *ck_memalign(size_t alignment, size_t size) { return alignment <= 16 ? ck_malloc(size) : real_memalign(alignment, size); }

int ck_posix_memalign(void **out, size_t alignment, size_t size) {
    void *block = ck_memalign(alignment, size);
    if (!block) return ENOMEM;
    *out = block;
    return 0;
}

/* Swift's: the second argument is an alignment less one, or all ones for that of malloc(3). */
void *ck_slow_alloc(size_t size, size_t mask) {
    return mask <= 15 || mask == SIZE_MAX ? ck_malloc(size) : real_memalign(mask + 1, size);
}

size_t ck_usable_size(void *at) {
    struct block one;
    if (!is_ours(at)) return at ? real_usable(at) : 0;
    return block_at(page_of(at), &one) ? one.size : 0;
}

bool ck_is_in_block(const void *start, uint64_t len) {
    struct block one;
    if (len == 0 || !is_ours(start) || !block_at(page_of(start), &one)) return true;
    const uint8_t *at = start;
    return !one.is_freed && at >= one.start && at <= one.start + one.size && len <= (uint64_t)(one.start + one.size - at);
}

int ck_describe_block(uintptr_t address, int writes, char *text, size_t size) {
    struct block one;
    const char *did = writes ? "wrote to" : "read";
    if (!is_ours((void *)address) || !block_at(page_of((void *)address), &one)) return 0;
    if (one.is_freed)
        snprintf(text, size, "it %s a block of %lu bytes that it had freed", did, (unsigned long)one.size);
    else
        snprintf(text, size, "it %s memory %ld bytes behind the end of a block of %lu bytes that it allocated", did,
                 (long)((uint8_t *)address - one.start - one.size), (unsigned long)one.size);
    return 1;
}
