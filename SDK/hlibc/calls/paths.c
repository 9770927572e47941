/* From paths to nodes, and the working directory. */
#include "calls.h"
#include <fcntl.h>

static struct hl_node *working;

struct hl_node *hl_working_directory(void) { return working ? working : hl_root; }

long hl_find(long at, const char *path, enum hl_end end, struct hl_place *place) {
    struct hl_node *from = hl_working_directory();
    if (!path) return -EFAULT;
    if ((int)at != AT_FDCWD && path[0] != '/') {
        struct hl_open *open = hl_named_by(at);
        if (!open) return -EBADF;
        if (open->node->kind != HL_DIRECTORY && path[0]) return -ENOTDIR;
        from = open->node;
    }
    return hl_walk(from, path, strlen(path), end, place);
}

long hl_find_node(long at, const char *path, int flags, struct hl_node **node) {
    struct hl_place place;
    if (flags & AT_EMPTY_PATH && (!path || !path[0])) {
        struct hl_open *open = (int)at == AT_FDCWD ? NULL : hl_named_by(at);
        *node = open ? open->node : hl_working_directory();
        return open || (int)at == AT_FDCWD ? 0 : -EBADF;
    }
    long error = hl_find(at, path, flags & AT_SYMLINK_NOFOLLOW ? HL_NOFOLLOW : HL_FOLLOW, &place);
    if (error) return error;
    *node = place.node;
    return place.node ? 0 : -ENOENT;
}

static long enter(struct hl_node *node) {
    if (node->kind != HL_DIRECTORY) return -ENOTDIR;
    struct hl_node *old = working;
    node->holds++;
    working = node;
    if (old) old->holds--, hl_node_release(old);
    return 0;
}

long hl_chdir(long path) {
    struct hl_node *node;
    long error = hl_find_node(AT_FDCWD, (const char *)path, 0, &node);
    return error ? error : enter(node);
}

long hl_fchdir(long descriptor) {
    struct hl_open *open = hl_named_by(descriptor);
    return open ? enter(open->node) : -EBADF;
}

static struct hl_entry *entry_of(struct hl_node *directory) {
    struct hl_node *parent = directory->directory.parent;
    for (struct hl_entry *entry = NULL; (entry = hl_directory_next(parent, entry ? entry->serial : 0));)
        if (entry->node == directory) return entry;
    return NULL;
}

long hl_getcwd(long buffer, long size) {
    char path[HL_PATH_MAX], *at = path + sizeof path;
    *--at = 0;
    for (struct hl_node *node = hl_working_directory(); node != hl_root; node = node->directory.parent) {
        struct hl_entry *entry = node->links > 0 ? entry_of(node) : NULL;
        if (!entry) return -ENOENT;
        if (at - path <= entry->length) return -ENAMETOOLONG;
        at -= entry->length;
        memcpy(at, entry->name, entry->length);
        *--at = '/';
    }
    if (!*at) *--at = '/';
    size_t length = (size_t)(path + sizeof path - at);
    if ((size_t)size < length) return -ERANGE;
    memcpy((void *)buffer, at, length);
    return (long)length;
}
