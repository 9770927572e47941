/* What is told about nodes, and what can be set. */
#include "calls.h"
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kstat.h"

#define DEVICE_NUMBER 1
#define SECOND INT64_C(1000000000)

static uint32_t format_of(const struct hl_node *node) {
    static const uint32_t formats[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR};
    return node->kind == HL_STREAM ? node->stream.operations->format : formats[node->kind];
}

/* As Linux numbers them; the standard files' and those of descriptors are those of no device. */
static uint64_t device_of(const struct hl_node *node) {
    static const uint8_t minors[] = {[HL_NULL] = 3, [HL_ZERO] = 5, [HL_RANDOM] = 9, [HL_FULL] = 7};
    if (node->kind != HL_DEVICE) return 0;
    if (node->device == HL_TERMINAL) return makedev(5, 0);
    return makedev(1, node->device <= HL_FULL ? minors[node->device] : 3);
}

static uint32_t links_of(const struct hl_node *node) { return node->kind == HL_DIRECTORY && node->links > 0 ? 2 : node->links; }

static long seconds(int64_t time) { return (long)(time / SECOND - (time % SECOND < 0)); }

static long nanoseconds(int64_t time) { return (long)((time % SECOND + SECOND) % SECOND); }

static long status(const struct hl_node *node, struct kstat *to) {
    uint64_t size = hl_node_size(node);
    memset(to, 0, sizeof *to);
    to->st_dev = DEVICE_NUMBER;
    to->st_ino = node->number;
    to->st_nlink = links_of(node);
    to->st_mode = format_of(node) | node->permissions;
    to->st_rdev = device_of(node);
    to->st_size = (off_t)size;
    to->st_blksize = HL_PAGE;
    to->st_blocks = (blkcnt_t)((size + 511) / 512);
    to->st_atime_sec = seconds(node->accessed);
    to->st_atime_nsec = nanoseconds(node->accessed);
    to->st_mtime_sec = seconds(node->modified);
    to->st_mtime_nsec = nanoseconds(node->modified);
    to->st_ctime_sec = seconds(node->changed);
    to->st_ctime_nsec = nanoseconds(node->changed);
    return 0;
}

/* What a descriptor's device leads to. */
static const struct hl_node *behind(const struct hl_node *node) {
    if (node->kind != HL_DEVICE || node->device != HL_DESCRIPTOR) return node;
    struct hl_open *open = hl_named_by((long)node->key);
    return open ? open->node : node;
}

long hl_fstatat(long at, long path, long to, long flags) {
    struct hl_node *node;
    long error = hl_find_node(at, (const char *)path, (int)flags, &node);
    if (!error && node->kind == HL_DIRECTORY) error = hl_populate(node);
    return error ? error : status(behind(node), (struct kstat *)to);
}

long hl_fstat(long descriptor, long to) {
    struct hl_open *open = hl_named_by(descriptor);
    return open ? status(open->node, (struct kstat *)to) : -EBADF;
}

long hl_stat(long path, long to) { return hl_fstatat(AT_FDCWD, path, to, 0); }

long hl_lstat(long path, long to) { return hl_fstatat(AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW); }

static void set_statx_time(struct statx_timestamp *to, int64_t time) {
    to->tv_sec = seconds(time);
    to->tv_nsec = (uint32_t)nanoseconds(time);
}

long hl_statx(long at, long path, long flags, long wanted, long result) {
    struct statx *to = (struct statx *)result;
    struct hl_node *found;
    (void)wanted;
    long error = hl_find_node(at, (const char *)path, (int)flags, &found);
    if (error) return error;
    const struct hl_node *node = behind(found);
    uint64_t size = hl_node_size(node);
    memset(to, 0, sizeof *to);
    to->stx_mask = STATX_BASIC_STATS;
    to->stx_blksize = HL_PAGE;
    to->stx_nlink = links_of(node);
    to->stx_mode = (uint16_t)(format_of(node) | node->permissions);
    to->stx_ino = node->number;
    to->stx_size = size;
    to->stx_blocks = (size + 511) / 512;
    to->stx_dev_minor = DEVICE_NUMBER;
    set_statx_time(&to->stx_atime, node->accessed);
    set_statx_time(&to->stx_mtime, node->modified);
    set_statx_time(&to->stx_ctime, node->changed);
    return 0;
}

static long file_system(struct statfs *to) {
    memset(to, 0, sizeof *to);
    to->f_type = 0x01021994; /* TMPFS_MAGIC, statfs(2) */
    to->f_bsize = to->f_frsize = HL_PAGE;
    to->f_blocks = hl_pages_total();
    to->f_bfree = to->f_bavail = hl_pages_free();
    to->f_namelen = HL_NAME_MAX;
    return 0;
}

/* With the size of struct statfs in between on some architectures of musl, not on those of the SDK. */
long hl_statfs(long path, long to) {
    struct hl_node *node;
    long error = hl_find_node(AT_FDCWD, (const char *)path, 0, &node);
    return error ? error : file_system((struct statfs *)to);
}

long hl_fstatfs(long descriptor, long to) {
    return hl_named_by(descriptor) ? file_system((struct statfs *)to) : -EBADF;
}

/* The function is root: everything is allowed but to execute what nobody may. */
long hl_faccessat(long at, long path, long mode, long flags) {
    struct hl_node *node;
    if (mode & ~(R_OK | W_OK | X_OK)) return -EINVAL;
    long error = hl_find_node(at, (const char *)path, (int)flags, &node);
    if (error) return error;
    return mode & X_OK && node->kind != HL_DIRECTORY && !(node->permissions & 0111) ? -EACCES : 0;
}

long hl_access(long path, long mode) { return hl_faccessat(AT_FDCWD, path, mode, 0); }

static long set_permissions(struct hl_node *node, long mode) {
    node->permissions = (uint32_t)mode & 07777;
    node->changed = hl_now();
    return 0;
}

long hl_fchmodat(long at, long path, long mode, long flags) {
    struct hl_node *node;
    long error = hl_find_node(at, (const char *)path, (int)flags, &node);
    if (error) return error;
    return node->kind == HL_SYMLINK ? -EOPNOTSUPP : set_permissions(node, mode);
}

long hl_chmod(long path, long mode) { return hl_fchmodat(AT_FDCWD, path, mode, 0); }

/* Where the kernel refuses descriptors that only name a node, musl goes by their path, and succeeds. */
long hl_fchmod(long descriptor, long mode) {
    struct hl_open *open = hl_named_by(descriptor);
    return open ? set_permissions(open->node, mode) : -EBADF;
}

/* There is one user; owners are not kept. */
long hl_fchownat(long at, long path, long user, long group, long flags) {
    struct hl_node *node;
    (void)user;
    (void)group;
    return hl_find_node(at, (const char *)path, (int)flags, &node);
}

long hl_chown(long path) { return hl_fchownat(AT_FDCWD, path, 0, 0, 0); }

long hl_lchown(long path) { return hl_fchownat(AT_FDCWD, path, 0, 0, AT_SYMLINK_NOFOLLOW); }

static bool valid(const struct timespec *time) {
    return (time->tv_nsec >= 0 && time->tv_nsec < SECOND) || time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT;
}

static void set_time(int64_t *to, const struct timespec *time, int64_t now) {
    if (time && time->tv_nsec == UTIME_OMIT) return;
    *to = !time || time->tv_nsec == UTIME_NOW ? now : time->tv_sec * SECOND + time->tv_nsec;
}

long hl_utimensat(long at, long path, long pair, long flags) {
    const struct timespec *times = (const struct timespec *)pair;
    struct hl_node *node;
    /* Without a path the descriptor itself is meant, futimens(3). */
    long error = hl_find_node(at, (const char *)path, (int)flags | (path ? 0 : AT_EMPTY_PATH), &node);
    if (error) return error;
    if (times && (!valid(&times[0]) || !valid(&times[1]))) return -EINVAL;
    int64_t now = hl_now();
    set_time(&node->accessed, times, now);
    set_time(&node->modified, times ? &times[1] : NULL, now);
    node->changed = now;
    return 0;
}
