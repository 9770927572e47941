/* The files below the output sets' directories become output items, in order of creation, where they lie. What was
 * put there for an input item and left unchanged is not output; a file that was moved or linked there is. */
#include "memory.h"
#include "vfs.h"
#include <dandelion/function.h>
#include <errno.h>
#include <string.h>

static bool equal(const char *name, size_t length, const char *literal) {
    return length == strlen(literal) && memcmp(name, literal, length) == 0;
}

/* The file that an entry stands for; NULL when it is none. */
static struct hl_node *file_of(struct hl_node *directory, const struct hl_entry *entry) {
    struct hl_node *node = entry->node;
    if (node->kind == HL_SYMLINK) {
        struct hl_place place;
        if (hl_walk(directory, entry->name, entry->length, HL_FOLLOW, &place) != 0) return NULL;
        node = place.node;
    }
    return node && node->kind == HL_FILE && !(entry->input && !node->dirty) ? node : NULL;
}

/* The path of a file from its set's directory on, in memory of its own unless the file lies right there. */
static const char *path_of(
    const struct hl_node *set, const struct hl_node *directory, const struct hl_entry *entry, size_t *length) {
    *length = entry->length;
    if (directory == set) return entry->name;
    for (const struct hl_node *at = directory; at != set; at = at->directory.parent)
        *length += at->directory.walked_as->length + 1u;
    char *path = hl_block_take(*length);
    if (!path) return NULL;
    char *to = path + *length - entry->length;
    memcpy(to, entry->name, entry->length);
    for (const struct hl_node *at = directory; at != set; at = at->directory.parent) {
        const struct hl_entry *name = at->directory.walked_as;
        *--to = '/';
        to -= name->length;
        memcpy(to, name->name, name->length);
    }
    return path;
}

static int collect_file(size_t set, const struct hl_node *root, struct hl_node *directory, struct hl_entry *entry) {
    struct hl_node *file = file_of(directory, entry);
    size_t length;
    if (!file) return 0;
    const char *path = path_of(root, directory, entry, &length);
    if (!path) return -ENOMEM;
    void *data = file->file.data ? file->file.data : (void *)(uintptr_t)path;
    dandelion_item item = {path, length, data, file->file.size, file->key};
    return dandelion_output(set, &item) == 0 ? 0 : -ENOMEM;
}

static int collect_set(size_t set, struct hl_node *root, bool stdio) {
    struct hl_node *directory = root;
    struct hl_entry *entry;
    root->directory.walked = 0;
    for (;;) {
        entry = hl_directory_next(directory, directory->directory.walked);
        if (!entry && directory == root) return 0;
        if (!entry) {
            directory = directory->directory.parent;
            continue;
        }
        directory->directory.walked = entry->serial;
        if (entry->node->kind == HL_DIRECTORY) {
            directory = entry->node;
            directory->directory.walked = 0;
            directory->directory.walked_as = entry;
            continue;
        }
        bool input_only = stdio && directory == root && (equal(entry->name, entry->length, "stdin")
            || equal(entry->name, entry->length, "argv") || equal(entry->name, entry->length, "environ")
            || equal(entry->name, entry->length, "cwd"));
        int error = input_only ? 0 : collect_file(set, root, directory, entry);
        if (error) return error;
    }
}

int hl_collect(void) {
    int error = 0;
    for (size_t set = 0; !error && set < dandelion_output_set_count(); set++) {
        size_t length;
        const char *name = dandelion_output_set_name(set, &length);
        struct hl_node *root = hl_set_directory(name, length);
        if (root) error = collect_set(set, root, equal(name, length, "stdio"));
    }
    return error;
}
