/* The memory of the context: pages, and blocks cut from pages. Nothing here calls the libc's malloc, which stands on
 * it. One thread; no locks. */
#ifndef HL_MEMORY_H
#define HL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HL_PAGE ((size_t)4096)

/* Takes [begin, end), whose bytes are all zero, into use, but for a few pages of a large memory. */
void hl_memory_start(void *begin, void *end);
/* One past the highest byte that was ever in use. */
void *hl_memory_used_end(void);
/* Goes on with the memory as it was at hl_memory_used_end, but for [that, begin), which others have filled meanwhile. */
void hl_memory_grow_past(void *begin, void *end);
/* Takes those pages into use, too: for the outputs of a function that used up its memory. False when they are already. */
bool hl_memory_open_reserve(void);

/* Whether memory that was never used before may be taken into use; given by the surroundings. */
bool hl_memory_claim(size_t bytes);

/* `count` pages one after another, or NULL; `zero` asks for zeroed ones. */
void *hl_pages_take(size_t count, bool zero);
/* Grows a run of pages in place; false when what follows is taken. */
bool hl_pages_extend(void *pages, size_t count, size_t new_count, bool zero);
/* Whether pages at an address are free; takes one that is, zeroed. */
bool hl_pages_are_free(const void *address, size_t count);
void hl_pages_take_at(void *address);
/* Where all pages are, and where the free ones begin that lie right below an address. */
char *hl_pages_begin(void);
char *hl_pages_end(void);
char *hl_pages_free_below(const char *address);
/* Gives pages back; those that are free already or lie outside of the memory are passed over. */
void hl_pages_give(void *pages, size_t count);
/* Whether every page of [address, address + length) is in use. */
bool hl_pages_in_use(const void *address, size_t length);
/* Pages that are free. */
size_t hl_pages_free(void);
size_t hl_pages_total(void);

/* Memory of any size, 16-byte aligned, not zeroed; NULL when there is none. A block is given back with the size that
 * it was taken with. */
void *hl_block_take(size_t size);
void hl_block_give(void *block, size_t size);
/* The bytes a block of `size` has in truth. */
size_t hl_block_room(size_t size);

static inline size_t hl_pages_for(size_t size) { return size / HL_PAGE + (size % HL_PAGE != 0); }

#endif
