/* What a file is, and its times. */
#include "wasi.h"

enum { CHARACTER_DEVICE = 2, DIRECTORY = 3, REGULAR_FILE = 4, SYMBOLIC_LINK = 7 };

uint8_t wasi_file_type(const struct hl_node *node) {
    static const uint8_t types[] = {REGULAR_FILE, DIRECTORY, SYMBOLIC_LINK, CHARACTER_DEVICE};
    return types[node->kind];
}

int32_t wasi_store_status(const struct hl_node *node, wasi_pointer to) {
    /* Device, inode, type, links, size, three times. A directory has its name, "." and each child's "..". */
    uint64_t status[8] = {1, node->number, wasi_file_type(node), node->links + (node->kind == HL_DIRECTORY),
        hl_node_size(node), (uint64_t)node->accessed, (uint64_t)node->modified, (uint64_t)node->changed};
    return wasi_store(to, status, sizeof status);
}

enum { ACCESSED = 1, ACCESSED_NOW = 2, MODIFIED = 4, MODIFIED_NOW = 8 };

int32_t wasi_set_times(struct hl_node *node, int64_t accessed, int64_t modified, int32_t flags) {
    bool both_accessed = flags & ACCESSED && flags & ACCESSED_NOW;
    bool both_modified = flags & MODIFIED && flags & MODIFIED_NOW;
    if (flags & ~15 || both_accessed || both_modified) return EINVAL;
    int64_t now = hl_now();
    if (flags & (ACCESSED | ACCESSED_NOW)) node->accessed = flags & ACCESSED ? accessed : now;
    if (flags & (MODIFIED | MODIFIED_NOW)) node->modified = flags & MODIFIED ? modified : now;
    node->changed = now;
    return 0;
}

WASI(fd_filestat_get)(int32_t descriptor, wasi_pointer to) {
    struct wasi_open *open = wasi_open_of(descriptor);
    return open ? wasi_store_status(open->node, to) : EBADF;
}

WASI(fd_filestat_set_times)(int32_t descriptor, int64_t accessed, int64_t modified, int32_t flags) {
    struct wasi_open *open = wasi_open_of(descriptor);
    return open ? wasi_set_times(open->node, accessed, modified, flags) : EBADF;
}
