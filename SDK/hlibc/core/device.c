#include "vfs.h"
#include <errno.h>
#include <string.h>

int64_t hl_device_read(struct hl_node *node, void *to, size_t count) {
    switch (node->device) {
    case HL_ZERO:
    case HL_FULL: memset(to, 0, count); return (int64_t)count;
    case HL_RANDOM: hl_random(to, count); return (int64_t)count;
    default: return 0;
    }
}

int64_t hl_device_write(struct hl_node *node, const void *from, size_t count) {
    if (node->device == HL_TAIL) return hl_tail_write(node, from, count);
    return node->device == HL_FULL && count > 0 ? -ENOSPC : (int64_t)count;
}
