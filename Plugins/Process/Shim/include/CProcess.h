/* The C part of the Process backend: what Swift cannot express (the zygote's code, the system-call filter, variadic
 * system calls) and the pages that host, zygote and child share. See Docs/decisions/0003-process-sandbox.md. */
#ifndef DANDELION_PROCESS_H
#define DANDELION_PROCESS_H

#include "dp_layout.h"
#include <dk_stop.h>

#pragma clang assume_nonnull begin

/* What a zygote is made from. */
typedef struct dp_spawn {
    int32_t slot_fd;        /* memfd of the slot: control page, signal stack, guest stack, context */
    int32_t zygote_fd;      /* memfd of the zygote's own page */
    int32_t socket;         /* by which children receive files; its other end is the host's */
    int32_t batch;          /* 1: children never preempt a thread that wakes them (SCHED_BATCH) */
    int32_t held;           /* 1: the gate is where the kernel stops a child for its tracer (trace.c) */
    int32_t padding;
    uint64_t stack_size;    /* whole pages */
    uint64_t context_offset; /* of the context in the slot's file */
    uint64_t small_end;     /* guest address below which memory has pages of 4 KiB only */
    uint64_t context_begin; /* guest address of the context's first byte: DP_CONTEXT_BEGIN */
    uint64_t context_end;   /* end of the reserved guest addresses */
} dp_spawn;

/* Starts a zygote without ever copying the host's address space (vfork, execveat of a program made in memory). The
 * calling thread is the parent of the zygote and of its children. The pid or -errno. */
int32_t dp_spawn_zygote(const dp_spawn *spawn);

/* The address at which a function leaves, in every child. */
uint64_t dp_exit_address(void);

/* futex(2), shared between processes. wait: 0 when somebody called wake (the kernel's word, not the memory's), else
 * -EAGAIN, -EINTR, -ETIMEDOUT; deadline is CLOCK_MONOTONIC ns, 0 = none. */
int32_t dp_futex_wait(uint32_t *word, uint32_t expected, uint64_t deadline);
void dp_futex_wake(uint32_t *word);

/* kill(2) and waitid(2) of a child that only we reap, so that its pid cannot be another's. */
void dp_kill(int32_t pid);
/* Waits for the child's end. 0: it ended (or is not our child any more). 1: it lives. */
int32_t dp_reap(int32_t pid, int32_t block);
/* The same without waiting, and how it ended: the signal that killed it, or -1 - its exit status; 0: not known. */
int32_t dp_reap_telling(int32_t pid, int32_t *how);

/* mmap(2) of a whole memory file, shared. Null when it fails. */
void *_Nullable dp_map(int32_t fd, uint64_t size);

/* The first run of allocated bytes at or after `from`: its begin and end; 0 when there is none before `limit`. */
int32_t dp_next_data(int32_t fd, uint64_t from, uint64_t limit, uint64_t *begin, uint64_t *end);
/* fallocate(2), punching a hole. 0 or -errno. */
int32_t dp_punch(int32_t fd, uint64_t offset, uint64_t size);

static inline uint32_t dp_load(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void dp_store(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

/* Fields of the shared pages; Swift has no address of a field. */
static inline uint32_t *dp_ready(dp_child *child) { return &child->ready; }
static inline uint32_t *dp_go(dp_child *child) { return &child->go; }
static inline uint32_t *dp_done(dp_child *child) { return &child->done; }
static inline dp_operations *dp_prepare(dp_child *child) { return &child->prepare; }
static inline dp_operations *dp_change(dp_child *child) { return &child->change; }
static inline uint32_t *dp_zygote_ready(dp_zygote *zygote) { return &zygote->ready; }
static inline uint32_t *dp_command(dp_zygote *zygote) { return &zygote->command; }

/* Pages of a private mapping that are in memory, one after another and alike. */
typedef struct dp_pages {
    uint64_t begin, end; /* addresses */
    uint32_t own;        /* 1: written, and so a copy of the process's own; 0: the file's */
    uint32_t padding;
} dp_pages;
#define DP_PAGES 512
/* Lists such pages of [*at, end), at most DP_PAGES, and moves *at behind what was looked at (PAGEMAP_SCAN, Linux 6.7).
 * With `own` only those. How many or -errno. */
int32_t dp_list_pages(int32_t pagemap, uint64_t *at, uint64_t end, int32_t own, dp_pages *out);
/* Copies the process's own pages of a list to where they belong: address `base` of the process is at `to`. 0 or -errno;
 * what the process does meanwhile decides what is copied, and nothing else. */
int32_t dp_copy_pages(int32_t pid, const dp_pages *pages, int32_t count, uint64_t base, void *to);

/* A child that the kernel holds when its function is over (trace.c). For the thread that called dp_trace,
 * which is the only one that may; a call for a child that is gone does nothing. */

/* Makes the calling thread the child's tracer; the child goes on, and dies with the thread. 0 or -errno. */
int32_t dp_trace(int32_t pid);

/* Stops an engine's runs at their deadline (dk_stop.h, whose struct is the first field), and knows what their processes
 * begin with. */
typedef struct dp_stopper {
    struct dk_stop stop;
    volatile int32_t child; /* that runs, 0 = none */
    volatile int32_t signals; /* how many signals it was passed in this run */
    struct dp_blank *blank;
} dp_stopper;
dp_stopper *_Nullable dp_stopper_create(int32_t signo);
void dp_stopper_destroy(dp_stopper *stopper);
int32_t dp_stopper_signal(void *_Nullable argument, int32_t signo, void *info, void *context);

#define DP_END_DIED 0    /* the process is dead, and to be reaped */
#define DP_END_LEFT 1    /* held behind its last instruction */
#define DP_END_STOPPED 2 /* held anywhere, because the stopper asked for it */
/* Waits until stopper->child is held or dead, by the kernel's word; signals reach it meanwhile. */
int32_t dp_trace_wait(dp_stopper *stopper);

/* Gives a held child vector and x87 registers, control words and protection keys as at a process's start, and its mask of
 * signals when signals reached it in its last run. 0 or -errno. */
int32_t dp_trace_blank(int32_t pid, dp_stopper *stopper);
/* Lets a held child enter a function with all other registers new. 0 or -errno: it is still held then, or gone. */
int32_t dp_trace_enter(int32_t pid, uint64_t entry, uint64_t stack, uint64_t argument);
/* The same when dp_child.change is to be done first; -EIO or -EINVAL where the kernel cannot (before Linux 6.4). */
int32_t dp_trace_change(int32_t pid);
/* Puts contents (address `base` of the process is at `from`) into pages of the process. 0 or -errno. */
int32_t dp_put_pages(int32_t pid, const dp_pages *pages, int32_t count, uint64_t base, const void *from);

/* 1 when functions may use wrfsbase: AT_HWCAP2 bit 1 (Linux 5.9). */
int32_t dp_has_fsgsbase(void);

/* Adds an operation to a list; 0 when it is full. */
static inline int32_t dp_add(dp_operations *list, dp_operation operation) {
    if (list->count >= DP_OPERATIONS) return 0;
    list->operation[list->count++] = operation;
    return 1;
}

/* The two ends of a socket for dp_send, closed on exec. 0 or -errno. */
int32_t dp_socket_pair(int32_t *host, int32_t *child);
/* Sends the files of a message to the child that asks for that number. Never blocks. 0 or -errno. */
int32_t dp_send(int32_t socket, uint64_t number, const int32_t *files, uint32_t count);

#pragma clang assume_nonnull end
#endif
