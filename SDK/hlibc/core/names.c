#include "memory.h"
#include "vfs.h"
#include <errno.h>
#include <string.h>

/* Whether a new name may be made at `place`; a path that ends in "." or ".." exists. */
static int vacant(const struct hl_place *place) {
    if (place->node || !place->name) return -EEXIST;
    /* A directory that was removed while it was open takes no more names. */
    return place->directory->links == 0 ? -ENOENT : 0;
}

static int add(struct hl_place *place, struct hl_node *node) {
    int error = hl_directory_add(place->directory, place->name, place->length, node, true);
    if (error) hl_node_release(node);
    else place->node = node;
    return error;
}

int hl_create(struct hl_place *place, enum hl_kind kind, uint32_t permissions, struct hl_node **node) {
    int error = vacant(place);
    if (error) return error;
    if (place->slash && kind != HL_DIRECTORY) return kind == HL_FILE ? -EISDIR : -ENOENT;
    *node = hl_node_create(kind, permissions);
    return *node ? add(place, *node) : -ENOSPC;
}

int hl_make_directories(const char *path, size_t length, struct hl_node **directory) {
    struct hl_place place = {.node = hl_root};
    for (size_t end = 1; end <= length; end++) {
        if (end < length && path[end] != '/') continue;
        int error = hl_walk(hl_root, path, end, HL_FOLLOW, &place);
        if (!error && !place.node) error = hl_create(&place, HL_DIRECTORY, 0777, &place.node);
        if (error) return error;
    }
    *directory = place.node;
    return place.node->kind == HL_DIRECTORY ? 0 : -ENOTDIR;
}

int hl_symlink(const char *target, size_t length, struct hl_place *place) {
    struct hl_node *node;
    if (length == 0) return -ENOENT;
    if (length >= HL_PATH_MAX) return -ENAMETOOLONG;
    char *copy = hl_block_take(length);
    if (!copy) return -ENOSPC;
    memcpy(copy, target, length);
    int error = hl_create(place, HL_SYMLINK, 0777, &node);
    if (error) {
        hl_block_give(copy, length);
        return error;
    }
    node->symlink.target = copy;
    node->symlink.length = length;
    return 0;
}

int hl_link(struct hl_node *node, struct hl_place *to) {
    int error = vacant(to);
    if (error) return error;
    if (to->slash) return -ENOENT;
    if (node->kind == HL_DIRECTORY) return -EPERM;
    return hl_directory_add(to->directory, to->name, to->length, node, true);
}

static void remove_name(struct hl_place *place) {
    hl_directory_remove(place->directory, hl_directory_find(place->directory, place->name, place->length));
    place->node = NULL;
}

int hl_unlink(struct hl_place *place) {
    if (!place->node) return -ENOENT;
    if (place->node->kind == HL_DIRECTORY) return -EISDIR;
    if (place->slash) return -ENOTDIR;
    remove_name(place);
    return 0;
}

static int removable(const struct hl_node *node) {
    if (node->pinned) return -EBUSY;
    return node->directory.live > 0 || node->directory.input_set != HL_NO_SET ? -ENOTEMPTY : 0;
}

int hl_remove_directory(struct hl_place *place) {
    if (!place->node) return -ENOENT;
    if (place->node->kind != HL_DIRECTORY) return -ENOTDIR;
    if (place->node == hl_root) return -EBUSY;
    if (!place->name) return place->node == place->directory ? -EINVAL : -ENOTEMPTY; /* "." and ".." */
    int error = removable(place->node);
    if (!error) remove_name(place);
    return error;
}

static bool inside(const struct hl_node *directory, const struct hl_node *ancestor) {
    for (; directory != ancestor; directory = directory->directory.parent)
        if (directory == hl_root || !directory->directory.parent) return false;
    return true;
}

/* Whether `to` may be replaced by `from`, rename(2). */
static int replaceable(const struct hl_node *from, const struct hl_node *to) {
    if (to->kind != HL_DIRECTORY) return from->kind == HL_DIRECTORY ? -ENOTDIR : 0;
    return from->kind == HL_DIRECTORY ? removable(to) : -EISDIR;
}

static int rename_allowed(const struct hl_place *from, const struct hl_place *to, bool replace) {
    const struct hl_node *node = from->node;
    if (!from->name) return -EBUSY;
    if (!to->name) return replace ? -EBUSY : -EEXIST;
    if (!node) return -ENOENT;
    if (to->node && !replace) return -EEXIST;
    if (node->pinned) return -EBUSY;
    if (node->kind != HL_DIRECTORY && (from->slash || to->slash)) return -ENOTDIR;
    if (to->directory->links == 0) return -ENOENT;
    if (node->kind == HL_DIRECTORY && inside(to->directory, node)) return -EINVAL;
    if (to->node && to->node->kind == HL_DIRECTORY && inside(from->directory, to->node)) return -ENOTEMPTY;
    return to->node && to->node != node ? replaceable(node, to->node) : 0;
}

int hl_rename(struct hl_place *from, struct hl_place *to, bool replace) {
    int error = rename_allowed(from, to, replace);
    if (error || from->node == to->node) return error;
    struct hl_node *node = from->node;
    struct hl_entry *replaced = to->node ? hl_directory_find(to->directory, to->name, to->length) : NULL;
    if (replaced) {
        /* The entry keeps its place and its name and changes its node: that needs no memory. */
        struct hl_node *old = replaced->node;
        replaced->node = node;
        replaced->input = false;
        node->links++;
        if (node->kind == HL_DIRECTORY) node->directory.parent = to->directory;
        old->links--;
        hl_node_release(old);
    } else {
        error = hl_directory_add(to->directory, to->name, to->length, node, true);
        if (error) return error;
    }
    hl_directory_remove(from->directory, hl_directory_find(from->directory, from->name, from->length));
    return 0;
}
