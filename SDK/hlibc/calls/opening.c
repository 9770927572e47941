/* open(2). */
#include "calls.h"
#include "pipes.h"
#include <fcntl.h>

static long check_opened(const struct hl_node *node, long flags) {
    bool writes = (flags & HL_ACCESS_MODE) != O_RDONLY || flags & O_TRUNC;
    if (node->kind == HL_SYMLINK && !(flags & O_PATH)) return -ELOOP;
    if (node->kind != HL_DIRECTORY) return flags & O_DIRECTORY ? -ENOTDIR : 0;
    return writes || (flags & O_CREAT && !(flags & O_DIRECTORY)) ? -EISDIR : 0;
}

/* O_TMPFILE: a file that never has a name. */
static long open_nameless(struct hl_node *directory, long flags, long mode) {
    if ((flags & HL_ACCESS_MODE) == O_RDONLY) return -EINVAL;
    if (!directory || directory->kind != HL_DIRECTORY) return directory ? -ENOTDIR : -ENOENT;
    struct hl_node *node = hl_node_create(HL_FILE, (uint32_t)mode & 0777 & ~hl_mask);
    if (!node) return -ENOSPC;
    long descriptor = hl_descriptor_for(node, (uint32_t)flags & ~(uint32_t)O_TMPFILE, 0);
    if (descriptor < 0) hl_node_release(node);
    return descriptor;
}

static bool ends_in_slash(const char *path) {
    size_t length = path ? strlen(path) : 0;
    return length > 0 && path[length - 1] == '/';
}

/* /dev/stdout and the like are the description behind a descriptor itself, and its place in a file. */
static long open_again(const struct hl_node *node, long flags) {
    struct hl_open *open = hl_named_by((long)node->key);
    uint32_t access = open ? open->flags & HL_ACCESS_MODE : 0, wanted = (uint32_t)flags & HL_ACCESS_MODE;
    if (!open) return -ENOENT;
    if (access != O_RDWR && access != wanted) return -EACCES;
    return hl_duplicate((long)node->key, 0, (uint32_t)flags & O_CLOEXEC);
}

static long open_node(struct hl_node *node, long flags) {
    uint32_t kept = (uint32_t)flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC | O_LARGEFILE);
    if (flags & O_PATH) return hl_descriptor_for(node, kept, 0);
    if (node->kind == HL_DEVICE && node->device == HL_TERMINAL) return -ENXIO;
    if (node->kind == HL_DEVICE && node->device == HL_DESCRIPTOR) return open_again(node, flags);
    if (node->made) {
        int error = hl_make_contents(node);
        if (error) return error;
    }
    long descriptor = hl_descriptor_for(node, kept, 0);
    if (descriptor < 0 || node->kind != HL_STREAM) return descriptor;
    long error = hl_pipe_meet(node, kept);
    if (error) hl_close(descriptor);
    return error ? error : descriptor;
}

long hl_openat(long at, long path, long flags, long mode) {
    struct hl_place place;
    if (flags & O_PATH) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    bool directory_named = flags & O_CREAT && ends_in_slash((const char *)path);
    enum hl_end end = directory_named ? HL_NAMING : flags & O_NOFOLLOW || exclusive ? HL_NOFOLLOW : HL_FOLLOW;
    long error = hl_find(at, (const char *)path, end, &place);
    if (error) return error;
    if (directory_named && place.name) return -EISDIR;
    if ((flags & O_TMPFILE) == O_TMPFILE) return open_nameless(place.node, flags, mode);
    if (place.node && exclusive) return -EEXIST;
    if (place.node) {
        error = check_opened(place.node, flags);
        if (!error && flags & O_TRUNC && place.node->kind == HL_FILE) error = hl_file_resize(place.node, 0);
    } else if (flags & O_CREAT) {
        error = hl_create(&place, HL_FILE, (uint32_t)mode & 07777 & ~hl_mask, &place.node);
    } else {
        error = -ENOENT;
    }
    return error ? error : open_node(place.node, flags);
}

long hl_open(long path, long flags, long mode) { return hl_openat(AT_FDCWD, path, flags, mode); }

long hl_creat(long path, long mode) { return hl_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
