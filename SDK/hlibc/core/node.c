#include "../../freestanding/runtime.h"
#include "memory.h"
#include "vfs.h"
#include <string.h>

static uint32_t last_number;

struct hl_node *hl_node_create(enum hl_kind kind, uint32_t permissions) {
    struct hl_node *node = hl_block_take(sizeof *node);
    if (!node) return NULL;
    int64_t now = hl_now();
    memset(node, 0, sizeof *node);
    node->kind = (uint8_t)kind;
    node->permissions = permissions;
    node->number = ++last_number;
    node->accessed = node->modified = node->changed = now;
    if (kind == HL_DIRECTORY) node->directory.input_set = HL_NO_SET;
    return node;
}

void hl_node_release(struct hl_node *node) {
    if (node->links > 0 || node->holds > 0) return;
    if (node->standard > 0) dandelion_report_stream(node->standard, NULL);
    if (node->kind == HL_DIRECTORY) hl_directory_free(node);
    if (node->kind == HL_FILE && node->file.capacity > 0) hl_block_give(node->file.data, node->file.capacity);
    if (node->kind == HL_STREAM && node->stream.operations->release) node->stream.operations->release(node);
    if (node->kind == HL_SYMLINK) hl_block_give(node->symlink.target, node->symlink.length);
    hl_block_give(node, sizeof *node);
}

uint64_t hl_node_size(const struct hl_node *node) {
    switch (node->kind) {
    case HL_FILE: return node->file.size;
    case HL_SYMLINK: return node->symlink.length;
    case HL_DIRECTORY: return node->directory.live * (uint64_t)sizeof(struct hl_entry);
    default: return 0;
    }
}
