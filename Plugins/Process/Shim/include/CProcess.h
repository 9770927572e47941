/* The C part of the Process backend: what Swift cannot express (the zygote's code, the system-call filter, variadic
 * system calls) and the pages that host, zygote and child share. See Docs/decisions/0003-process-sandbox.md. */
#ifndef DANDELION_PROCESS_H
#define DANDELION_PROCESS_H

#include "dp_layout.h"

#pragma clang assume_nonnull begin

/* What a zygote is made from. */
typedef struct dp_spawn {
    int32_t slot_fd;        /* memfd of the slot: control page, signal stack, guest stack, context */
    int32_t zygote_fd;      /* memfd of the zygote's own page */
    int32_t batch;          /* 1: children never preempt a thread that wakes them (SCHED_BATCH) */
    int32_t padding;
    uint64_t stack_size;    /* whole pages */
    uint64_t context_begin; /* guest address of the context's first byte: DP_CONTEXT_BEGIN */
    uint64_t context_end;   /* end of the reserved guest addresses */
} dp_spawn;

/* memfd_create(2), executable mappings allowed, closed on exec. A descriptor or -errno. */
int32_t dp_memory_file(const char *name, uint64_t size);

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

/* mmap(2) of a whole memory file, shared. Null when it fails. */
void *_Nullable dp_map(int32_t fd, uint64_t size);

/* The first run of allocated bytes at or after `from`: its begin and end; 0 when there is none before `limit`. */
int32_t dp_next_data(int32_t fd, uint64_t from, uint64_t limit, uint64_t *begin, uint64_t *end);
/* fallocate(2), punching a hole. 0 or -errno. */
int32_t dp_punch(int32_t fd, uint64_t offset, uint64_t size);

static inline uint32_t dp_load(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void dp_store(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

/* The futex words of the shared pages; Swift has no address of a field. */
static inline uint32_t *dp_ready(dp_child *child) { return &child->ready; }
static inline uint32_t *dp_go(dp_child *child) { return &child->go; }
static inline uint32_t *dp_done(dp_child *child) { return &child->done; }
static inline uint32_t *dp_zygote_ready(dp_zygote *zygote) { return &zygote->ready; }
static inline uint32_t *dp_command(dp_zygote *zygote) { return &zygote->command; }

/* 1 when functions may use wrfsbase: AT_HWCAP2 bit 1 (Linux 5.9). */
int32_t dp_has_fsgsbase(void);

/* Adds a call to a list; 0 when it is full. */
static inline int32_t dp_add(dp_ranges *list, uint64_t begin, uint64_t end, uint32_t how) {
    if (list->count >= DP_RANGES) return 0;
    list->range[list->count++] = (dp_range){begin, end - begin, how, 0};
    return 1;
}

#pragma clang assume_nonnull end
#endif
