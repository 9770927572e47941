/* Bytes that wait between who writes and who reads them. */
#ifndef HL_RING_H
#define HL_RING_H

#include <stddef.h>

struct hl_ring {
    char *bytes;
    size_t capacity, start, used;
};

/* A ring's memory is taken when it is first written to; -ENOMEM then. Moves up to `count` bytes, and tells how many. */
long hl_ring_write(struct hl_ring *ring, const void *from, size_t count);
size_t hl_ring_read(struct hl_ring *ring, void *to, size_t count);
/* The same without taking them out. */
size_t hl_ring_look(const struct hl_ring *ring, void *to, size_t count);
void hl_ring_free(struct hl_ring *ring);

#endif
