/* What libc++'s filesystem asks of POSIX and wasi-libc lacks. Permissions are not kept, the size of a file system is not
 * known, and there is no canonical path. */
#ifndef HL_STATVFS_H
#define HL_STATVFS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>

#ifndef DT_SOCK
#define DT_SOCK 20 /* unlike all that wasi-libc gives */
#endif
#ifndef DT_FIFO
#define DT_FIFO 21
#endif

struct statvfs {
    unsigned long f_bsize, f_frsize, f_blocks, f_bfree, f_bavail;
};

static inline int hl_missing(void) {
    errno = ENOSYS;
    return -1;
}

static inline int statvfs(const char *path, struct statvfs *to) { return (void)path, (void)to, hl_missing(); }

static inline char *realpath(const char *path, char *to) { return (void)path, (void)to, hl_missing(), (char *)NULL; }

static inline int fchmod(int descriptor, mode_t mode) {
    struct stat status;
    return (void)mode, fstat(descriptor, &status);
}

static inline int fchmodat(int at, const char *path, mode_t mode, int flags) {
    struct stat status;
    return (void)mode, fstatat(at, path, &status, flags);
}

#endif
