/* A device that keeps the end of what is written to it. */
#include "memory.h"
#include "vfs.h"
#include <string.h>

#define ROOM (2 * HL_TAIL_SIZE)

static void append(struct hl_node *node, const char *from, size_t count) {
    if (node->file.size + count > ROOM) {
        size_t kept = HL_TAIL_SIZE < node->file.size ? HL_TAIL_SIZE : node->file.size;
        memmove(node->file.data, node->file.data + node->file.size - kept, kept);
        node->file.size = kept;
    }
    memcpy(node->file.data + node->file.size, from, count);
    node->file.size += count;
}

int64_t hl_tail_write(struct hl_node *node, const void *from, size_t count) {
    size_t kept = count < HL_TAIL_SIZE ? count : HL_TAIL_SIZE;
    if (node->file.size + kept > node->file.capacity && node->file.capacity < ROOM) {
        size_t room = node->file.capacity > 0 ? ROOM : kept < HL_PAGE ? HL_PAGE : ROOM;
        char *larger = hl_block_take(room);
        if (!larger) return (int64_t)count; /* it is nobody's output: what does not fit is lost */
        memcpy(larger, node->file.data, node->file.size);
        if (node->file.capacity > 0) hl_block_give(node->file.data, node->file.capacity);
        node->file.data = larger;
        node->file.capacity = room;
    }
    append(node, (const char *)from + (count - kept), kept);
    return (int64_t)count;
}
