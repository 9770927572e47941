/* Between the files that answer mmap(2) and its kin. */
#ifndef HL_MAPPINGS_H
#define HL_MAPPINGS_H

#include "calls.h"

/* shared.c: a mapping of a file that its writes go to is the file's own memory, which stays in its place meanwhile. */
long hl_map_shared(struct hl_node *file, uint64_t offset, size_t length, bool writes);
bool hl_is_shared(const char *address);
/* Whether the range begins in such a mapping; the part of it that does is unmapped, and `length` is its size. */
bool hl_unmap_shared(char *address, size_t *length);
/* Grows or shrinks one in place: its address, -ENOMEM, or 0 when there is none at that address. */
long hl_remap_shared(char *address, size_t old_length, size_t new_length);

/* reservations.c: addresses without memory (PROT_NONE), at most HL_RESERVED_MOST bytes in one piece. They are among
 * those of the memory, so that they can be used, and what is used counts; where they are more than the memory has, the rest
 * stays unusable. */
#define HL_RESERVED_MOST ((size_t)1 << 40)
/* Where reserved addresses begin, NULL when there is no place. */
char *hl_reserve(size_t length);
/* Whether an address is reserved. */
bool hl_is_reserved(const char *address);
/* Makes memory of reserved addresses, zero where it was not before; false when others have it. */
bool hl_reserved_use(char *address, size_t length);
/* Zeroes what of reserved addresses is memory. */
void hl_reserved_clear(char *address, size_t length);
/* Gives memory back: the addresses stay reserved, or not. */
void hl_reserved_leave(char *address, size_t length, bool give_up);

#endif
