/* Names in directories. A path is looked up from an open directory, and a module that others made cannot leave it by an
 * absolute path, ".." or a symbolic link, as under any other runtime; programs of the SDK can, as they can natively. */
#include "wasi.h"

enum { FOLLOW = 1 };                                           /* lookupflags */
enum { CREATE = 1, MUST_BE_DIRECTORY = 2, EXCLUSIVE = 4, TRUNCATE = 8 }; /* oflags */

#ifdef HL_WASI_SHIM
#define WALK hl_walk_within
#define CONFINED true
#else
#define WALK hl_walk
#define CONFINED false
#endif

/* A path of the caller, copied to a buffer of HL_PATH_MAX bytes, is looked up. */
static int32_t find(
    int32_t at, wasi_pointer path, uint32_t length, char *buffer, enum hl_end end, struct hl_place *place) {
    struct wasi_open *open = wasi_open_of(at);
    if (!open) return EBADF;
    if (open->node->kind != HL_DIRECTORY) return ENOTDIR;
    if (length >= HL_PATH_MAX) return ENAMETOOLONG;
    if (wasi_load(buffer, path, length)) return EFAULT;
    if (length > 0 && memchr(buffer, 0, length)) return EILSEQ;
    return -WALK(open->node, buffer, length, end, place);
}

static char path_buffer[HL_PATH_MAX], other_buffer[HL_PATH_MAX];

static int32_t find_node(int32_t at, int32_t flags, wasi_pointer path, uint32_t length, struct hl_node **node) {
    struct hl_place place;
    int32_t error = find(at, path, length, path_buffer, flags & FOLLOW ? HL_FOLLOW : HL_NOFOLLOW, &place);
    if (error) return error;
    *node = place.node;
    return place.node ? 0 : ENOENT;
}

/* /dev/stdout and the like are the file behind a descriptor. */
static int32_t open_again(const struct hl_node *node, bool reads, bool writes) {
    struct wasi_open *open = wasi_open_of((int32_t)node->key);
    if (!open) return -ENOENT;
    if ((reads && !open->reads) || (writes && !open->writes)) return -EACCES;
    return wasi_descriptor_for(open->node, open->flags, reads, writes);
}

static int32_t open_node(struct hl_node *node, uint16_t flags, bool reads, bool writes) {
    if (node->kind == HL_DEVICE && node->device == HL_TERMINAL) return -ENXIO;
    if (node->kind == HL_DEVICE && node->device == HL_DESCRIPTOR) return open_again(node, reads, writes);
    return wasi_descriptor_for(node, flags, reads, writes && node->kind != HL_DIRECTORY);
}

static int32_t check_opened(struct hl_node *node, int32_t flags, bool writes) {
    if (node->kind == HL_SYMLINK) return ELOOP;
    if (node->kind != HL_DIRECTORY) return flags & MUST_BE_DIRECTORY ? ENOTDIR : 0;
    return writes || flags & TRUNCATE ? EISDIR : 0;
}

WASI(path_open)(
    int32_t at, int32_t lookup, wasi_pointer path, uint32_t length, int32_t flags, int64_t rights, int64_t inheriting,
    int32_t descriptor_flags, wasi_pointer result) {
    struct hl_place place;
    bool exclusive = (flags & (CREATE | EXCLUSIVE)) == (CREATE | EXCLUSIVE);
    bool reads = rights & WASI_RIGHT_READ, writes = rights & WASI_RIGHT_WRITE;
    (void)inheriting;
    if (flags & ~15 || descriptor_flags & ~WASI_FLAGS) return EINVAL;
    if (flags & CREATE && flags & MUST_BE_DIRECTORY) return EINVAL;
    int32_t error = find(at, path, length, path_buffer, lookup & FOLLOW && !exclusive ? HL_FOLLOW : HL_NOFOLLOW, &place);
    if (error) return error;
    if (place.node && exclusive) return EEXIST;
    if (place.node) {
        error = check_opened(place.node, flags, writes);
        if (!error && flags & TRUNCATE && place.node->kind == HL_FILE) error = -hl_file_resize(place.node, 0);
    } else {
        error = flags & CREATE ? -hl_create(&place, HL_FILE, 0666, &place.node) : ENOENT;
    }
    if (error) return error;
    int32_t descriptor = open_node(place.node, (uint16_t)descriptor_flags, reads, writes);
    return descriptor < 0 ? -descriptor : wasi_store_u32(result, (uint32_t)descriptor);
}

WASI(path_create_directory)(int32_t at, wasi_pointer path, uint32_t length) {
    struct hl_place place;
    struct hl_node *node;
    int32_t error = find(at, path, length, path_buffer, HL_NAMING, &place);
    return error ? error : -hl_create(&place, HL_DIRECTORY, 0777, &node);
}

WASI(path_remove_directory)(int32_t at, wasi_pointer path, uint32_t length) {
    struct hl_place place;
    int32_t error = find(at, path, length, path_buffer, HL_NAMING, &place);
    return error ? error : -hl_remove_directory(&place);
}

WASI(path_unlink_file)(int32_t at, wasi_pointer path, uint32_t length) {
    struct hl_place place;
    int32_t error = find(at, path, length, path_buffer, HL_NAMING, &place);
    return error ? error : -hl_unlink(&place);
}

WASI(path_rename)(
    int32_t from_at, wasi_pointer from, uint32_t from_length, int32_t to_at, wasi_pointer to, uint32_t to_length) {
    struct hl_place source, target;
    int32_t error = find(from_at, from, from_length, path_buffer, HL_NAMING, &source);
    if (!error) error = find(to_at, to, to_length, other_buffer, HL_NAMING, &target);
    return error ? error : -hl_rename(&source, &target, true);
}

WASI(path_link)(
    int32_t from_at, int32_t lookup, wasi_pointer from, uint32_t from_length, int32_t to_at, wasi_pointer to,
    uint32_t to_length) {
    struct hl_place place;
    struct hl_node *node;
    int32_t error = find_node(from_at, lookup, from, from_length, &node);
    if (!error) error = find(to_at, to, to_length, path_buffer, HL_NAMING, &place);
    return error ? error : -hl_link(node, &place);
}

WASI(path_symlink)(wasi_pointer target, uint32_t target_length, int32_t at, wasi_pointer path, uint32_t length) {
    struct hl_place place;
    if (target_length >= HL_PATH_MAX) return ENAMETOOLONG;
    int32_t error = find(at, path, length, path_buffer, HL_NAMING, &place);
    if (!error && wasi_load(other_buffer, target, target_length)) error = EFAULT;
    if (!error && CONFINED && target_length > 0 && other_buffer[0] == '/') error = EPERM;
    return error ? error : -hl_symlink(other_buffer, target_length, &place);
}

WASI(path_readlink)(
    int32_t at, wasi_pointer path, uint32_t length, wasi_pointer to, uint32_t room, wasi_pointer result) {
    struct hl_node *node;
    int32_t error = find_node(at, 0, path, length, &node);
    if (error) return error;
    if (node->kind != HL_SYMLINK) return EINVAL;
    if (room > node->symlink.length) room = (uint32_t)node->symlink.length;
    return wasi_store(to, node->symlink.target, room) ? EFAULT : wasi_store_u32(result, room);
}

WASI(path_filestat_get)(int32_t at, int32_t lookup, wasi_pointer path, uint32_t length, wasi_pointer to) {
    struct hl_node *node;
    int32_t error = find_node(at, lookup, path, length, &node);
    return error ? error : wasi_store_status(node, to);
}

WASI(path_filestat_set_times)(
    int32_t at, int32_t lookup, wasi_pointer path, uint32_t length, int64_t accessed, int64_t modified, int32_t flags) {
    struct hl_node *node;
    int32_t error = find_node(at, lookup, path, length, &node);
    return error ? error : wasi_set_times(node, accessed, modified, flags);
}

struct listing {
    wasi_pointer to;
    uint32_t room, used;
};

/* As much of an entry as there is room for; a caller whose buffer came back full asks again. */
static int32_t list(struct listing *listing, const char *name, size_t length, const struct hl_node *node, uint64_t next) {
    uint64_t head[3] = {next, node->number, (uint64_t)length | (uint64_t)wasi_file_type(node) << 32};
    uint32_t room = listing->room - listing->used, part = room < sizeof head ? room : sizeof head;
    if (wasi_store(listing->to + listing->used, head, part)) return EFAULT;
    listing->used += part;
    room -= part;
    part = room < length ? room : (uint32_t)length;
    if (wasi_store(listing->to + listing->used, name, part)) return EFAULT;
    listing->used += part;
    return 0;
}

/* Cookies 0 and 1 stand before "." and ".."; the others are serials of entries, moved up by 2. */
WASI(fd_readdir)(int32_t descriptor, wasi_pointer to, uint32_t room, int64_t cookie, wasi_pointer result) {
    struct wasi_open *open = wasi_open_of(descriptor);
    struct listing listing = {to, room, 0};
    if (!open) return EBADF;
    struct hl_node *directory = open->node;
    if (directory->kind != HL_DIRECTORY) return ENOTDIR;
    int32_t error = -hl_populate(directory);
    for (uint64_t at = (uint64_t)cookie; !error && listing.used < room;) {
        if (at < 2) {
            error = list(&listing, "..", (size_t)at + 1, at == 0 ? directory : directory->directory.parent, at + 1);
            at++;
            continue;
        }
        struct hl_entry *entry = hl_directory_next(directory, at - 2);
        if (!entry) break;
        at = entry->serial + 2;
        error = list(&listing, entry->name, entry->length, entry->node, at);
    }
    return error ? error : wasi_store_u32(result, listing.used);
}
