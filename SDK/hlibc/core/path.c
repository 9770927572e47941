#include "vfs.h"
#include <errno.h>

struct walk {
    struct hl_node *directory;
    const char *at, *end;
    unsigned links; /* symbolic links that may still be followed */
    struct hl_node *top; /* the directory that the way must not leave; NULL: none */
};

static int walk(struct walk *walk, enum hl_end end, struct hl_place *place);

/* The next component, and whether it is the path's last. */
static size_t component(struct walk *walk, const char **name) {
    while (walk->at < walk->end && *walk->at == '/') walk->at++;
    *name = walk->at;
    while (walk->at < walk->end && *walk->at != '/') walk->at++;
    return (size_t)(walk->at - *name);
}

static bool at_last(const struct walk *walk) {
    const char *at = walk->at;
    while (at < walk->end && *at == '/') at++;
    return at == walk->end;
}

static int follow_link(struct walk *outer, struct hl_node *link, struct hl_place *place) {
    if (outer->links == 0) return -ELOOP;
    struct walk inner = {outer->directory, link->symlink.target, link->symlink.target + link->symlink.length,
                         outer->links - 1, outer->top};
    int error = walk(&inner, HL_FOLLOW, place);
    outer->links = inner.links;
    return error;
}

static int enter(struct walk *walk, struct hl_node *node) {
    if (!node) return -ENOENT;
    if (node->kind != HL_DIRECTORY) return -ENOTDIR;
    int error = hl_populate(node);
    walk->directory = node;
    return error;
}

/* One component: moves on into a directory, or fills `place` at the last one. */
static int step(struct walk *walk, const char *name, size_t length, enum hl_end end, struct hl_place *place) {
    bool last = at_last(walk), slash = walk->at < walk->end;
    bool dots = (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.');
    struct hl_node *node;
    if (length > HL_NAME_MAX) return -ENAMETOOLONG;
    if (dots) {
        if (length == 2 && walk->directory == walk->top) return -EPERM;
        node = length == 1 ? walk->directory : walk->directory->directory.parent;
        *place = (struct hl_place){.directory = walk->directory, .node = node, .slash = slash};
    } else {
        struct hl_entry *entry = hl_directory_find(walk->directory, name, length);
        node = entry ? entry->node : NULL;
        *place = (struct hl_place){walk->directory, name, length, node, slash};
    }
    if (node && node->kind == HL_SYMLINK && (!last || end == HL_FOLLOW || (slash && end != HL_NAMING))) {
        int error = follow_link(walk, node, place);
        if (error) return error;
        place->slash |= slash;
        node = place->node;
    }
    if (!last) return enter(walk, node);
    return slash && node && node->kind != HL_DIRECTORY && end != HL_NAMING ? -ENOTDIR : 0;
}

static int walk(struct walk *walk, enum hl_end end, struct hl_place *place) {
    if (walk->at == walk->end) return -ENOENT;
    if (*walk->at == '/') {
        if (walk->top) return -EPERM;
        walk->directory = hl_root;
    }
    int error = enter(walk, walk->directory);
    if (error) return error;
    *place = (struct hl_place){.directory = walk->directory, .node = walk->directory, .slash = true};
    const char *name;
    size_t length;
    while (!error && (length = component(walk, &name)) > 0) error = step(walk, name, length, end, place);
    return error;
}

int hl_walk(struct hl_node *from, const char *path, size_t length, enum hl_end end, struct hl_place *place) {
    if (length >= HL_PATH_MAX) return -ENAMETOOLONG;
    struct walk start = {from, path, path + length, HL_LINKS_MAX, NULL};
    return walk(&start, end, place);
}

int hl_walk_within(struct hl_node *from, const char *path, size_t length, enum hl_end end, struct hl_place *place) {
    if (length >= HL_PATH_MAX) return -ENAMETOOLONG;
    struct walk start = {from, path, path + length, HL_LINKS_MAX, from};
    return walk(&start, end, place);
}
