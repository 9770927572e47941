/* What changes directories, and reading them. */
#include "calls.h"
#include "pipes.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define RENAME_NOREPLACE 1L /* rename(2); musl does not name it */

uint32_t hl_mask = 022;

long hl_umask(long new_mask) {
    uint32_t old = hl_mask;
    hl_mask = (uint32_t)new_mask & 0777;
    return (long)old;
}

long hl_mkdirat(long at, long path, long mode) {
    struct hl_place place;
    struct hl_node *node;
    long error = hl_find(at, (const char *)path, HL_NAMING, &place);
    return error ? error : hl_create(&place, HL_DIRECTORY, (uint32_t)mode & 01777 & ~hl_mask, &node);
}

long hl_mkdir(long path, long mode) { return hl_mkdirat(AT_FDCWD, path, mode); }

/* Regular files and pipes only. */
long hl_mknodat(long at, long path, long mode, long device) {
    struct hl_place place;
    struct hl_node *node;
    (void)device;
    if ((mode & S_IFMT) != 0 && !S_ISREG(mode) && !S_ISFIFO(mode)) return -EPERM;
    long error = hl_find(at, (const char *)path, HL_NAMING, &place);
    if (error) return error;
    uint32_t permissions = (uint32_t)mode & 07777 & ~hl_mask;
    if (!S_ISFIFO(mode)) return hl_create(&place, HL_FILE, permissions, &node);
    node = hl_pipe_create();
    if (!node) return -ENOSPC;
    node->permissions = permissions;
    error = hl_link(node, &place);
    if (error) hl_node_release(node);
    return error;
}

long hl_mknod(long path, long mode, long device) { return hl_mknodat(AT_FDCWD, path, mode, device); }

long hl_unlinkat(long at, long path, long flags) {
    struct hl_place place;
    if (flags & ~AT_REMOVEDIR) return -EINVAL;
    long error = hl_find(at, (const char *)path, HL_NAMING, &place);
    if (error) return error;
    return flags & AT_REMOVEDIR ? hl_remove_directory(&place) : hl_unlink(&place);
}

long hl_unlink_path(long path) { return hl_unlinkat(AT_FDCWD, path, 0); }

long hl_rmdir(long path) { return hl_unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

long hl_renameat2(long from_at, long from, long to_at, long to, long flags) {
    struct hl_place source, target;
    if (flags & ~RENAME_NOREPLACE) return -EINVAL;
    long error = hl_find(from_at, (const char *)from, HL_NAMING, &source);
    if (!error) error = hl_find(to_at, (const char *)to, HL_NAMING, &target);
    return error ? error : hl_rename(&source, &target, !(flags & RENAME_NOREPLACE));
}

long hl_renameat(long from_at, long from, long to_at, long to) { return hl_renameat2(from_at, from, to_at, to, 0); }

long hl_rename_path(long from, long to) { return hl_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

long hl_linkat(long from_at, long from, long to_at, long to, long flags) {
    struct hl_place place;
    struct hl_node *node;
    int found = (int)flags & AT_EMPTY_PATH;
    if (!(flags & AT_SYMLINK_FOLLOW)) found |= AT_SYMLINK_NOFOLLOW;
    long error = hl_find_node(from_at, (const char *)from, found, &node);
    if (!error) error = hl_find(to_at, (const char *)to, HL_NAMING, &place);
    return error ? error : hl_link(node, &place);
}

long hl_link_path(long from, long to) { return hl_linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

long hl_symlinkat(long target, long at, long path) {
    struct hl_place place;
    long error = hl_find(at, (const char *)path, HL_NAMING, &place);
    return error ? error : hl_symlink((const char *)target, strlen((const char *)target), &place);
}

long hl_symlink_path(long target, long path) { return hl_symlinkat(target, AT_FDCWD, path); }

long hl_readlinkat(long at, long path, long buffer, long size) {
    struct hl_node *node;
    long error = hl_find_node(at, (const char *)path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &node);
    if (error) return error;
    if (node->kind != HL_SYMLINK || size <= 0) return -EINVAL;
    if ((size_t)size > node->symlink.length) size = (long)node->symlink.length;
    memcpy((void *)buffer, node->symlink.target, (size_t)size);
    return size;
}

long hl_readlink_path(long path, long buffer, long size) { return hl_readlinkat(AT_FDCWD, path, buffer, size); }

static const unsigned char types[] = {DT_REG, DT_DIR, DT_LNK, DT_CHR, DT_FIFO};

static long put(struct dirent *to, long room, const char *name, size_t length, const struct hl_node *node, uint64_t at) {
    long size = (long)((offsetof(struct dirent, d_name) + length + 1 + 7) & ~(size_t)7);
    if (size > room) return 0;
    to->d_ino = node->number;
    to->d_off = (off_t)at;
    to->d_reclen = (unsigned short)size;
    to->d_type = types[node->kind];
    memcpy(to->d_name, name, length);
    to->d_name[length] = 0;
    return size;
}

/* Positions 1 and 2 are "." and ".."; the others are serials of entries, moved up by 2. */
long hl_getdents(long descriptor, long buffer, long size) {
    struct hl_open *open = hl_open_of(descriptor);
    if (!open) return -EBADF;
    if (open->node->kind != HL_DIRECTORY) return -ENOTDIR;
    int error = open->offset == 0 ? hl_populate(open->node) : 0;
    if (error) return error;
    char *to = (char *)buffer, *end = to + size;
    for (;;) {
        struct dirent *next = (struct dirent *)to;
        struct hl_entry *entry = NULL;
        uint64_t at = open->offset + 1;
        long taken;
        if (at <= 2) {
            taken = put(next, end - to, "..", (size_t)at, at == 1 ? open->node : open->node->directory.parent, at);
        } else {
            entry = hl_directory_next(open->node, open->offset - 2);
            if (!entry) break;
            at = entry->serial + 2;
            taken = put(next, end - to, entry->name, entry->length, entry->node, at);
        }
        if (taken == 0) return to == (char *)buffer ? -EINVAL : to - (char *)buffer;
        open->offset = at;
        to += taken;
    }
    return to - (char *)buffer;
}
