/* Between the files that answer calls. Each call takes and returns what the system call of its name does. */
#ifndef HL_CALLS_H
#define HL_CALLS_H

#include "../core/memory.h"
#include "../core/vfs.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "hl_prototypes.h"

#define HL_DESCRIPTORS 1024
#define HL_ACCESS_MODE 3u /* O_RDONLY, O_WRONLY, O_RDWR; musl's O_ACCMODE has O_PATH in it */

/* An open description: descriptors made by dup share one. */
struct hl_open {
    struct hl_node *node;
    uint64_t offset; /* of a directory: the serial of the last entry that was read */
    uint32_t flags;  /* the access mode, O_APPEND and the like */
    uint32_t descriptors;
};

/* The description behind a descriptor, or NULL: -EBADF. One that was opened by O_PATH only names a node, and is none for
 * what reads or changes it. */
struct hl_open *hl_open_of(long descriptor);
struct hl_open *hl_named_by(long descriptor);
/* The same for a file or device that may be read, or written; else `error` is what to return. */
struct hl_open *hl_readable(long descriptor, long *error);
struct hl_open *hl_writable(long descriptor, long *error);
/* The lowest free descriptor from `from` on, for a node; or -errno. */
long hl_descriptor_for(struct hl_node *node, uint32_t flags, int from);

/* Where relative paths begin; the root at first. */
struct hl_node *hl_working_directory(void);

/* Resolves a path from `at`, AT_FDCWD or a directory's descriptor. */
long hl_find(long at, const char *path, enum hl_end end, struct hl_place *place);
/* The same for a node that must exist; AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW of `flags` count. */
long hl_find_node(long at, const char *path, int flags, struct hl_node **node);

/* Ends the function by a message on its standard error, as a signal would. */
__attribute__((noreturn)) void hl_die(const char *message, int signal);
/* Collects the outputs and leaves. */
__attribute__((noreturn)) void hl_leave(int code);

#endif
