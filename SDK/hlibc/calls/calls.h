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
#define HL_PIPE_SIZE 65536 /* what a pipe holds, and each direction of a pair of sockets */
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

/* Looks anew at what standard input is, for an invocation that goes on in a snapshot. */
void hl_reopen_standard(void);

/* Where the description behind a descriptor is the same as another one's: what dup(2) does. */
long hl_duplicate(long descriptor, int from, uint32_t flags);
/* Called when the last descriptor of a description is closed. */
extern void (*hl_closing)(struct hl_open *open);

/* A new node with these operations, or NULL. */
struct hl_node *hl_stream_create(const struct hl_operations *operations, void *state);
/* Two descriptors for two nodes, to `pair`; 0 or -errno, when the nodes are released. */
long hl_open_pair(struct hl_node *first, uint32_t first_flags, struct hl_node *second, uint32_t second_flags, int *pair);
/* What may be done with an open description without waiting: HL_CAN_READ and the like. */
unsigned hl_events_of(const struct hl_open *open);
/* read(2) and write(2) of a stream, which may wait. */
long hl_stream_read(struct hl_open *open, void *to, size_t count);
long hl_stream_write(struct hl_open *open, const void *from, size_t count);
/* One descriptor less, or one user of a description that a call kept. */
void hl_release(struct hl_open *open);

extern uint32_t hl_mask; /* umask(2) */

/* Where relative paths begin; the root at first. */
struct hl_node *hl_working_directory(void);

/* Resolves a path from `at`, AT_FDCWD or a directory's descriptor. */
long hl_find(long at, const char *path, enum hl_end end, struct hl_place *place);
/* The same for a node that must exist; AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW of `flags` count. */
long hl_find_node(long at, const char *path, int flags, struct hl_node **node);

/* ---- time.c ---- */
#define HL_SECOND UINT64_C(1000000000)
struct timespec;
struct timespec hl_as_time(uint64_t nanoseconds);
uint64_t hl_nanoseconds(const struct timespec *time);
bool hl_valid_time(const struct timespec *time);
/* When a clock will show `time`, in the function's time. */
uint64_t hl_time_of(int clock, const struct timespec *time);
/* Called at each reading: timers are looked at, and one that reads on and on lets others run. */
void hl_clock_was_read(void);

/* ---- start.c ---- */
/* The lowest address of the first thread's stack, and the one above its highest. */
void hl_stack_bounds(char **low, char **high);
/* The program's arguments, behind them its environment, and the auxiliary words. */
extern char **hl_arguments;
extern size_t *hl_auxiliary, hl_auxiliary_size;

/* proc.c: makes the contents of a node whose `made` is set; 0 or -errno. */
int hl_make_contents(struct hl_node *node);

/* Ends the function by a message in two parts on its standard error. */
__attribute__((noreturn)) void hl_die(const char *message, const char *more, int code);
/* Collects the outputs and leaves. */
__attribute__((noreturn)) void hl_leave(int code);

#endif
