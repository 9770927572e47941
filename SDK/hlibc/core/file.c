#include "memory.h"
#include "vfs.h"
#include <errno.h>
#include <string.h>

const char *hl_file_bytes(struct hl_node *node, size_t *count, uint64_t offset) {
    size_t rest = offset < node->file.size ? node->file.size - (size_t)offset : 0;
    if (*count > rest) *count = rest;
    if (rest == 0) return NULL;
    node->accessed = hl_now();
    return node->file.data + offset;
}

int64_t hl_file_read(struct hl_node *node, void *to, size_t count, uint64_t offset) {
    const char *from = hl_file_bytes(node, &count, offset);
    if (from) memcpy(to, from, count);
    return (int64_t)count;
}

/* Moves the contents, unless they are mapped, to a block of at least `size` bytes, with as much to spare again when memory allows. */
static int move(struct hl_node *node, size_t size) {
    if (node->mapped > 0) return -ENOSPC;
    size_t wanted = size > SIZE_MAX / 2 || node->file.capacity == 0 ? size : size + size / 2;
    char *data = hl_block_take(wanted);
    if (!data && wanted != size) data = hl_block_take(wanted = size);
    if (!data) return -ENOSPC;
    if (node->file.size > 0) memcpy(data, node->file.data, node->file.size);
    if (node->file.capacity > 0) hl_block_give(node->file.data, node->file.capacity);
    node->file.data = data;
    node->file.capacity = hl_block_room(wanted);
    return 0;
}

int hl_file_reserve(struct hl_node *node, uint64_t size) {
    size_t capacity = node->file.capacity;
    if (size > SIZE_MAX / 2) return -EFBIG;
    if (size <= capacity || (size == 0 && capacity == 0)) return 0;
    if (capacity >= HL_PAGE && capacity % HL_PAGE == 0) {
        size_t pages = capacity / HL_PAGE, exact = hl_pages_for((size_t)size), generous = exact + exact / 2;
        size_t grown = hl_pages_extend(node->file.data, pages, generous, false) ? generous
                     : hl_pages_extend(node->file.data, pages, exact, false)    ? exact
                                                                                : 0;
        if (grown > 0) {
            node->file.capacity = grown * HL_PAGE;
            return 0;
        }
    }
    return move(node, (size_t)size);
}

/* Before a change: room for `size` bytes, in memory of the file's own. */
static int own(struct hl_node *node, uint64_t size) {
    if (node->file.capacity == 0 && node->file.size > size) size = node->file.size;
    return hl_file_reserve(node, size);
}

static void touched(struct hl_node *node) {
    node->modified = node->changed = hl_now();
    node->dirty = true;
}

int hl_file_place(struct hl_node *node, size_t count, uint64_t offset, char **to) {
    if (offset > INT64_MAX - count) return -EFBIG;
    int error = own(node, offset + count);
    if (error) return error;
    if (offset > node->file.size) memset(node->file.data + node->file.size, 0, (size_t)offset - node->file.size);
    if (offset + count > node->file.size) node->file.size = (size_t)offset + count;
    touched(node);
    *to = node->file.data + offset;
    return 0;
}

int64_t hl_file_write(struct hl_node *node, const void *from, size_t count, uint64_t offset) {
    char *to;
    int error = count > 0 ? hl_file_place(node, count, offset, &to) : 0;
    if (error) return error;
    if (count > 0) memcpy(to, from, count);
    return (int64_t)count;
}

int hl_file_resize(struct hl_node *node, uint64_t size) {
    if (size > node->file.size) {
        int error = own(node, size);
        if (error) return error;
        memset(node->file.data + node->file.size, 0, (size_t)size - node->file.size);
    }
    node->file.size = (size_t)size;
    touched(node);
    return 0;
}
