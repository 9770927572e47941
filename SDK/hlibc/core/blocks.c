/* Small blocks by free lists for each size, cut from chunks of pages; large ones are runs of pages. */
#include "memory.h"

#define STEP ((size_t)16)
#define SMALL ((size_t)512)    /* up to here a class for each multiple of STEP */
#define LARGE ((size_t)2048)   /* up to here one for each power of two; above, pages */
#define CHUNK_PAGES ((size_t)4)

struct free_block {
    struct free_block *next;
};

static struct free_block *lists[SMALL / STEP + 3];
static char *chunk, *chunk_end;

size_t hl_block_room(size_t size) {
    if (size <= STEP) return STEP;
    if (size <= SMALL) return (size + STEP - 1) & ~(STEP - 1);
    if (size > LARGE) return size > SIZE_MAX - HL_PAGE ? size : hl_pages_for(size) * HL_PAGE;
    return size <= 2 * SMALL ? 2 * SMALL : LARGE;
}

static struct free_block **list_of(size_t room) {
    return &lists[room <= SMALL ? room / STEP : SMALL / STEP + (room == LARGE ? 2 : 1)];
}

/* A new chunk, smaller where memory is scarce; the old one's rest goes to the lists. */
static bool refill(void) {
    for (; chunk_end - chunk >= (ptrdiff_t)STEP;) {
        size_t room = (size_t)(chunk_end - chunk) < SMALL ? (size_t)(chunk_end - chunk) : SMALL;
        struct free_block *block = (struct free_block *)chunk;
        block->next = *list_of(room);
        *list_of(room) = block;
        chunk += room;
    }
    for (size_t pages = CHUNK_PAGES; pages > 0; pages /= 2) {
        chunk = hl_pages_take(pages, false);
        chunk_end = chunk ? chunk + pages * HL_PAGE : NULL;
        if (chunk) return true;
    }
    return false;
}

void *hl_block_take(size_t size) {
    size_t room = hl_block_room(size);
    if (room > LARGE) return hl_pages_take(hl_pages_for(room), false);
    struct free_block **list = list_of(room);
    if (*list) {
        struct free_block *block = *list;
        *list = block->next;
        return block;
    }
    if ((size_t)(chunk_end - chunk) < room && !refill()) return NULL;
    char *block = chunk;
    chunk += room;
    return block;
}

void hl_block_give(void *block, size_t size) {
    size_t room = hl_block_room(size);
    if (!block) return;
    if (room > LARGE) {
        hl_pages_give(block, hl_pages_for(room));
        return;
    }
    struct free_block *freed = block, **list = list_of(room);
    freed->next = *list;
    *list = freed;
}
