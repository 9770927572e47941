#include "mappings.h"

struct reservation {
    struct reservation *next;
    char *address;
    size_t pages;   /* of addresses */
    uint8_t *taken; /* a bit for each page that is memory of this reservation's */
    size_t usable;  /* pages that could be: those within the memory */
};

static struct reservation *reservations;

static struct reservation *reservation_at(const char *address) {
    struct reservation *at = reservations;
    while (at && (address < at->address || address >= at->address + at->pages * HL_PAGE)) at = at->next;
    return at;
}

bool hl_is_reserved(const char *address) { return reservation_at(address) != NULL; }

/* Below those that are there, or at the memory's end; where that is too small, a first one has the second half of it and
 * goes on behind. The lower half is left to what is used at once. */
static char *place_for(size_t pages, size_t *usable) {
    char *high = hl_pages_end();
    for (const struct reservation *at = reservations; at; at = at->next)
        if (at->address < high) high = at->address;
    char *low = hl_pages_free_below(high);
    size_t room = (size_t)(high - low) / HL_PAGE;
    *usable = pages;
    if (pages <= room / 2) return high - pages * HL_PAGE;
    *usable = room - room / 2;
    return reservations || room == 0 ? NULL : low + room / 2 * HL_PAGE;
}

char *hl_reserve(size_t length) {
    size_t pages = hl_pages_for(length), usable = 0;
    if (length > HL_RESERVED_MOST) return NULL;
    char *address = place_for(pages, &usable);
    struct reservation *reservation = address ? hl_block_take(sizeof *reservation) : NULL;
    uint8_t *taken = reservation ? hl_block_take(usable / 8 + 1) : NULL;
    if (!taken) {
        hl_block_give(reservation, sizeof *reservation);
        return NULL;
    }
    memset(taken, 0, usable / 8 + 1);
    *reservation = (struct reservation){reservations, address, pages, taken, usable};
    reservations = reservation;
    return address;
}

static bool is_taken(const struct reservation *at, size_t page) { return at->taken[page / 8] >> page % 8 & 1; }

static void leave(struct reservation *at, size_t page, size_t count) {
    for (size_t end = page + count < at->usable ? page + count : at->usable; page < end; page++) {
        if (!is_taken(at, page)) continue;
        hl_pages_give(at->address + page * HL_PAGE, 1);
        at->taken[page / 8] &= (uint8_t) ~(1u << page % 8);
    }
}

bool hl_reserved_use(char *address, size_t length) {
    struct reservation *at = reservation_at(address);
    size_t first = (size_t)(address - at->address) / HL_PAGE, end = first + hl_pages_for(length);
    if (end > at->usable) return false;
    for (size_t page = first; page < end; page++)
        if (!is_taken(at, page) && !hl_pages_are_free(at->address + page * HL_PAGE, 1)) return false;
    for (size_t page = first; page < end; page++) {
        if (is_taken(at, page)) continue;
        hl_pages_take_at(at->address + page * HL_PAGE);
        at->taken[page / 8] |= (uint8_t)(1u << page % 8);
    }
    return true;
}

void hl_reserved_clear(char *address, size_t length) {
    struct reservation *at = reservation_at(address);
    size_t page = (size_t)(address - at->address) / HL_PAGE, end = page + hl_pages_for(length);
    for (; page < end && page < at->usable; page++)
        if (is_taken(at, page)) memset(at->address + page * HL_PAGE, 0, HL_PAGE);
}

static void forget(struct reservation *gone) {
    struct reservation **at = &reservations;
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    hl_block_give(gone->taken, gone->usable / 8 + 1);
    hl_block_give(gone, sizeof *gone);
}

/* The end of a reservation can be given up; other addresses stay reserved, without memory, until the rest of it goes. */
void hl_reserved_leave(char *address, size_t length, bool give_up) {
    struct reservation *at = reservation_at(address);
    size_t first = (size_t)(address - at->address) / HL_PAGE, count = hl_pages_for(length);
    if (count > at->pages - first) count = at->pages - first;
    leave(at, first, count);
    if (!give_up) return;
    if (first == 0 && count == at->pages) forget(at);
    else if (first + count == at->pages) at->pages = first;
}
