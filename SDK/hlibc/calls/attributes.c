/* Extended attributes. There is one: user.dandelion.key, a file's key as a decimal number. */
#include "calls.h"
#include <fcntl.h>
#include <sys/xattr.h>

static const char key_name[] = "user.dandelion.key";

static long find(long path, bool follow, struct hl_node **node) {
    return hl_find_node(AT_FDCWD, (const char *)path, follow ? 0 : AT_SYMLINK_NOFOLLOW, node);
}

static long find_open(long descriptor, struct hl_node **node) {
    struct hl_open *open = hl_open_of(descriptor);
    *node = open ? open->node : NULL;
    return open ? 0 : -EBADF;
}

static bool has_key(const struct hl_node *node, const char *name) {
    return node->kind == HL_FILE && strcmp(name, key_name) == 0;
}

static long set(struct hl_node *node, const char *name, const char *value, long size, long flags) {
    uint64_t key = 0;
    if (!has_key(node, name)) return -EOPNOTSUPP;
    if (flags & XATTR_CREATE) return -EEXIST;
    if (size < 1 || size > 10) return -EINVAL;
    for (long i = 0; i < size; i++) {
        if (value[i] < '0' || value[i] > '9') return -EINVAL;
        key = key * 10 + (uint64_t)(value[i] - '0');
    }
    if (key > UINT32_MAX) return -EINVAL;
    node->key = (uint32_t)key;
    return 0;
}

static long give(char *to, long room, const char *from, size_t length) {
    if (room == 0) return (long)length;
    if ((size_t)room < length) return -ERANGE;
    memcpy(to, from, length);
    return (long)length;
}

static long get(const struct hl_node *node, const char *name, char *to, long room) {
    char digits[10], *at = digits + sizeof digits;
    if (!has_key(node, name)) return -ENODATA;
    uint32_t key = node->key;
    do *--at = (char)('0' + key % 10);
    while ((key /= 10) > 0);
    return give(to, room, at, (size_t)(digits + sizeof digits - at));
}

static long list(const struct hl_node *node, char *to, long room) {
    return node->kind == HL_FILE ? give(to, room, key_name, sizeof key_name) : 0;
}

/* Every file has a key; taking it away makes it 0. */
static long clear(struct hl_node *node, const char *name) {
    if (!has_key(node, name)) return -ENODATA;
    node->key = 0;
    return 0;
}

long hl_setxattr(long path, long name, long value, long size, long flags) {
    struct hl_node *node;
    long error = find(path, true, &node);
    return error ? error : set(node, (const char *)name, (const char *)value, size, flags);
}

long hl_lsetxattr(long path, long name, long value, long size, long flags) {
    struct hl_node *node;
    long error = find(path, false, &node);
    return error ? error : set(node, (const char *)name, (const char *)value, size, flags);
}

long hl_fsetxattr(long descriptor, long name, long value, long size, long flags) {
    struct hl_node *node;
    long error = find_open(descriptor, &node);
    return error ? error : set(node, (const char *)name, (const char *)value, size, flags);
}

long hl_getxattr(long path, long name, long value, long size) {
    struct hl_node *node;
    long error = find(path, true, &node);
    return error ? error : get(node, (const char *)name, (char *)value, size);
}

long hl_lgetxattr(long path, long name, long value, long size) {
    struct hl_node *node;
    long error = find(path, false, &node);
    return error ? error : get(node, (const char *)name, (char *)value, size);
}

long hl_fgetxattr(long descriptor, long name, long value, long size) {
    struct hl_node *node;
    long error = find_open(descriptor, &node);
    return error ? error : get(node, (const char *)name, (char *)value, size);
}

long hl_listxattr(long path, long to, long size) {
    struct hl_node *node;
    long error = find(path, true, &node);
    return error ? error : list(node, (char *)to, size);
}

long hl_llistxattr(long path, long to, long size) {
    struct hl_node *node;
    long error = find(path, false, &node);
    return error ? error : list(node, (char *)to, size);
}

long hl_flistxattr(long descriptor, long to, long size) {
    struct hl_node *node;
    long error = find_open(descriptor, &node);
    return error ? error : list(node, (char *)to, size);
}

long hl_removexattr(long path, long name) {
    struct hl_node *node;
    long error = find(path, true, &node);
    return error ? error : clear(node, (const char *)name);
}

long hl_lremovexattr(long path, long name) {
    struct hl_node *node;
    long error = find(path, false, &node);
    return error ? error : clear(node, (const char *)name);
}

long hl_fremovexattr(long descriptor, long name) {
    struct hl_node *node;
    long error = find_open(descriptor, &node);
    return error ? error : clear(node, (const char *)name);
}
