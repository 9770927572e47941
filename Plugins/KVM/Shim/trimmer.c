/* Gives memory back that no function has needed for a while.
 *
 * Nobody calls an engine whose node is idle, so this is done by a timer's signal on the engine's thread: the handler
 * only changes atomics and calls madvise(2). Every slot gets a second chance: it is trimmed when it was not used between
 * two ticks. Clean memory reads as zeros before and after. */
#define _GNU_SOURCE
#include "CKVM.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 400 };

struct slot {
    _Atomic uint32_t *state;
    char *memory;
    uint64_t keep_from, keep_to; /* this part stays */
    volatile uint64_t used;      /* bytes that may be resident, 0 = trimmed */
    volatile int touched;        /* since the last tick */
};

/* Touched only by the engine's thread and handlers on it. */
struct ckvm_trimmer {
    timer_t timer;
    volatile int armed;
    int count;
    struct slot slots[];
};

struct ckvm_trimmer *ckvm_trimmer_create(int signo, int slots) {
    struct ckvm_trimmer *trimmer = calloc(1, sizeof *trimmer + (size_t)slots * sizeof trimmer->slots[0]);
    if (!trimmer) return NULL;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signo, .sigev_value.sival_ptr = trimmer};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &trimmer->timer) == 0) return trimmer;
    free(trimmer);
    return NULL;
}

void ckvm_trimmer_destroy(struct ckvm_trimmer *trimmer) {
    timer_delete(trimmer->timer);
    free(trimmer);
}

void ckvm_trimmer_add(
    struct ckvm_trimmer *trimmer, void *state, void *memory, uint64_t keep_from, uint64_t keep_to) {
    trimmer->slots[trimmer->count] =
        (struct slot){.state = state, .memory = memory, .keep_from = keep_from, .keep_to = keep_to};
    atomic_signal_fence(memory_order_seq_cst);
    trimmer->count++;
}

static void arm(struct ckvm_trimmer *trimmer) {
    struct itimerspec after = {.it_value = {.tv_nsec = TICK_MS * 1000000}};
    trimmer->armed = 1;
    timer_settime(trimmer->timer, 0, &after, NULL);
}

void ckvm_trimmer_touch(struct ckvm_trimmer *trimmer, int index, uint64_t used) {
    struct slot *slot = &trimmer->slots[index];
    if (slot->used < used) slot->used = used;
    slot->touched = 1;
    if (!trimmer->armed) arm(trimmer);
}

/* Returns 1 when the slot has to be looked at again. */
static int tick(struct slot *slot) {
    if (slot->used <= slot->keep_to) return 0;
    if (slot->touched) {
        slot->touched = 0;
        return 1;
    }
    uint32_t clean = DK_SLOT_CLEAN;
    if (!atomic_compare_exchange_strong(slot->state, &clean, DK_SLOT_TRIMMED)) return 1;
    madvise(slot->memory, slot->keep_from, MADV_DONTNEED);
    madvise(slot->memory + slot->keep_to, slot->used - slot->keep_to, MADV_DONTNEED);
    slot->used = 0;
    atomic_store(slot->state, DK_SLOT_CLEAN);
    return 0;
}

int32_t ckvm_trimmer_signal(void *arg, int32_t signo, void *info, void *context) {
    (void)signo, (void)context;
    struct ckvm_trimmer *trimmer = arg;
    siginfo_t *signal = info;
    if (signal->si_code != SI_TIMER || signal->si_value.sival_ptr != trimmer) return 0;
    trimmer->armed = 0;
    int again = 0;
    for (int i = 0; i < trimmer->count; i++) again |= tick(&trimmer->slots[i]);
    if (again) arm(trimmer);
    return 1;
}
