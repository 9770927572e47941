/* Pages by a bitmap at the beginning of the memory: one bit a page, set while the page is in use. The bitmap needs no
 * setting up, as the memory arrives zeroed, and pages above the highest one ever used need no zeroing. */
#include "memory.h"
#include <string.h>

#define BITS ((size_t)64)
#define RESERVE ((size_t)16) /* pages, of a memory that is 8 times as large */

static uint64_t *bitmap;
static char *first_page;
static size_t page_count;
static size_t search_from;  /* no page below is free */
static size_t never_used;   /* pages from here on still hold the zeros that the platform left */
static size_t used_count;
static size_t reserve;      /* pages behind the last one */

static size_t page_of(const void *address) { return (size_t)((const char *)address - first_page) / HL_PAGE; }

static bool used(size_t page) { return bitmap[page / BITS] >> page % BITS & 1; }

void hl_memory_start(void *begin, void *end) {
    uintptr_t low = ((uintptr_t)begin + 15) & ~(uintptr_t)15, high = (uintptr_t)end & ~(HL_PAGE - 1);
    size_t pages = high > low ? (high - low) / HL_PAGE : 0;
    uintptr_t map_end = low + (pages + BITS - 1) / BITS * sizeof(uint64_t);
    uintptr_t first = (map_end + HL_PAGE - 1) & ~(HL_PAGE - 1);
    bitmap = (uint64_t *)low;
    first_page = (char *)first;
    page_count = high > first ? (high - first) / HL_PAGE : 0;
    search_from = never_used = used_count = 0;
    reserve = page_count >= RESERVE * 8 ? RESERVE : 0;
    page_count -= reserve;
}

bool hl_memory_open_reserve(void) {
    bool was_closed = reserve > 0;
    page_count += reserve;
    reserve = 0;
    return was_closed;
}

/* The first page at or after `page` whose bit is `value`; page_count when there is none. */
static size_t next(size_t page, bool value) {
    while (page < page_count) {
        uint64_t word = bitmap[page / BITS];
        uint64_t match = (value ? word : ~word) >> page % BITS;
        if (match) {
            page += (size_t)__builtin_ctzll(match);
            return page < page_count ? page : page_count;
        }
        page = (page / BITS + 1) * BITS;
    }
    return page_count;
}

static void mark(size_t page, size_t count, bool value) {
    for (size_t end = page + count; page < end;) {
        size_t bit = page % BITS, span = BITS - bit < end - page ? BITS - bit : end - page;
        uint64_t mask = (span == BITS ? ~(uint64_t)0 : ((uint64_t)1 << span) - 1) << bit;
        if (value) bitmap[page / BITS] |= mask;
        else bitmap[page / BITS] &= ~mask;
        page += span;
    }
}

void *hl_memory_used_end(void) { return first_page + never_used * HL_PAGE; }

void hl_memory_grow_past(void *begin, void *end) {
    size_t from = never_used;
    uintptr_t high = (uintptr_t)end & ~(HL_PAGE - 1), low = (uintptr_t)begin;
    size_t pages = high > (uintptr_t)first_page ? (high - (uintptr_t)first_page) / HL_PAGE : 0;
    if (pages < page_count + reserve) page_count = pages > reserve ? pages - reserve : 0;
    if (low > (uintptr_t)first_page + from * HL_PAGE) never_used = hl_pages_for(low - (uintptr_t)first_page);
    if (never_used > page_count) never_used = page_count;
    if (never_used > from) mark(from, never_used - from, true);
    used_count += never_used - from;
}

/* Marks free pages as used, unless they may not be; those that were used before are zeroed when asked for. */
static bool claim(size_t page, size_t count, bool zero) {
    size_t end = page + count;
    if (end > never_used && !hl_memory_claim((end - never_used) * HL_PAGE)) return false;
    mark(page, count, true);
    used_count += count;
    if (zero && page < never_used) {
        size_t dirty = page + count < never_used ? count : never_used - page;
        memset(first_page + page * HL_PAGE, 0, dirty * HL_PAGE);
    }
    if (end > never_used) never_used = end;
    return true;
}

void *hl_pages_take(size_t count, bool zero) {
    if (count == 0 || count > page_count - used_count) return NULL;
    size_t page = search_from = next(search_from, false);
    while (page < page_count && count <= page_count - page) {
        size_t end = next(page, true);
        if (end - page >= count) {
            if (!claim(page, count, zero)) return NULL;
            if (page == search_from) search_from += count;
            return first_page + page * HL_PAGE;
        }
        page = next(end, false);
    }
    return NULL;
}

bool hl_pages_extend(void *pages, size_t count, size_t new_count, bool zero) {
    size_t end = page_of(pages) + count, more = new_count - count;
    if (end > page_count || more > page_count - end || next(end, true) < end + more) return false;
    return claim(end, more, zero);
}

bool hl_pages_are_free(const void *address, size_t count) {
    if ((const char *)address < first_page) return false;
    size_t page = page_of(address);
    return page < page_count && count <= page_count - page && next(page, true) >= page + count;
}

void hl_pages_take_at(void *address) { claim(page_of(address), 1, true); }

char *hl_pages_begin(void) { return first_page; }

char *hl_pages_end(void) { return first_page + page_count * HL_PAGE; }

char *hl_pages_free_below(const char *address) {
    size_t page = page_of(address);
    while (page > 0 && !used(page - 1)) page--;
    return first_page + page * HL_PAGE;
}

void hl_pages_give(void *pages, size_t count) {
    if ((char *)pages < first_page || page_of(pages) >= page_count) return;
    size_t page = page_of(pages);
    size_t end = count < page_count - page ? page + count : page_count;
    if (page < search_from) search_from = page;
    while ((page = next(page, true)) < end) {
        size_t stop = next(page, false);
        if (stop > end) stop = end;
        mark(page, stop - page, false);
        used_count -= stop - page;
        page = stop;
    }
}

bool hl_pages_in_use(const void *address, size_t length) {
    if ((const char *)address < first_page) return false;
    size_t page = page_of(address), count = hl_pages_for(length);
    return page < page_count && count <= page_count - page && used(page) && next(page, false) >= page + count;
}

size_t hl_pages_free(void) { return page_count - used_count; }

size_t hl_pages_total(void) { return page_count; }
