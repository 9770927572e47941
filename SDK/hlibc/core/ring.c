#include "ring.h"
#include "memory.h"
#include <errno.h>
#include <string.h>

long hl_ring_write(struct hl_ring *ring, const void *from, size_t count) {
    if (!ring->bytes && !(ring->bytes = hl_block_take(ring->capacity))) return -ENOMEM;
    if (count > ring->capacity - ring->used) count = ring->capacity - ring->used;
    size_t end = (ring->start + ring->used) % ring->capacity;
    size_t part = count < ring->capacity - end ? count : ring->capacity - end;
    memcpy(ring->bytes + end, from, part);
    memcpy(ring->bytes, (const char *)from + part, count - part);
    ring->used += count;
    return (long)count;
}

size_t hl_ring_look(const struct hl_ring *ring, void *to, size_t count) {
    if (count > ring->used) count = ring->used;
    if (count == 0) return 0;
    size_t part = count < ring->capacity - ring->start ? count : ring->capacity - ring->start;
    memcpy(to, ring->bytes + ring->start, part);
    memcpy((char *)to + part, ring->bytes, count - part);
    return count;
}

size_t hl_ring_read(struct hl_ring *ring, void *to, size_t count) {
    count = hl_ring_look(ring, to, count);
    ring->used -= count;
    ring->start = ring->used > 0 ? (ring->start + count) % ring->capacity : 0;
    return count;
}

void hl_ring_free(struct hl_ring *ring) {
    if (ring->bytes) hl_block_give(ring->bytes, ring->capacity);
    ring->bytes = NULL;
}
