/* malloc, realloc and free of small blocks from lists of blocks that were freed, one for each size of chunk, before musl's
 * allocator is asked, which looks for the neighbours of each block. No locks: threads of a function take turns, and only
 * where they call the system. A chunk in a list is in use as far as musl's allocator knows. */
#include <stdlib.h>
#include "atomic.h"
#include "malloc_impl.h"

#define CLASSES 34  /* chunks of up to 1,056 bytes: blocks of up to 1,040 */
#define KEPT 16     /* blocks of each, 290 KB in all */

void *__libc_malloc_impl(size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

struct freed {
    struct freed *next;
};

static struct freed *lists[CLASSES];
static unsigned char counts[CLASSES];

/* Gives all that is kept back to musl's allocator; whether there was any. */
static int give_back(void) {
    int any = 0;
    for (int i = 0; i < CLASSES; i++) {
        while (lists[i]) {
            struct freed *block = lists[i];
            lists[i] = block->next;
            __libc_free(block);
            any = 1;
        }
        counts[i] = 0;
    }
    return any;
}

static void *take(size_t size) {
    void *block = __libc_malloc_impl(size);
    return block == NULL && give_back() ? __libc_malloc_impl(size) : block;
}

void *malloc(size_t size) {
    size_t i = (size + OVERHEAD + SIZE_ALIGN - 1) / SIZE_ALIGN;
    if (size > (CLASSES - 1) * SIZE_ALIGN - OVERHEAD || !lists[i]) return take(size);
    struct freed *block = lists[i];
    lists[i] = block->next;
    counts[i]--;
    return block;
}

void *realloc(void *block, size_t size) {
    void *moved = __libc_realloc(block, size);
    return !moved && give_back() ? __libc_realloc(block, size) : moved;
}

void free(void *block) {
    if (!block) return;
    struct chunk *chunk = MEM_TO_CHUNK(block);
    size_t i = CHUNK_SIZE(chunk) / SIZE_ALIGN;
    if (i >= CLASSES || IS_MMAPPED(chunk) || counts[i] == KEPT) return __libc_free(block);
    /* As in musl: an overflow, or a block that is freed twice. */
    if (NEXT_CHUNK(chunk)->psize != chunk->csize || lists[i] == block) a_crash();
    struct freed *head = block;
    head->next = lists[i];
    lists[i] = head;
    counts[i]++;
}
