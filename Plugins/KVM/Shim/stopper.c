/* Stopping a run by name, without a thread and without a race.
 *
 * A signal that comes before KVM_RUN would be lost, so its handler sets immediate_exit, which makes KVM_RUN return at
 * once. A request or timer that is meant for another run is told from one for this run by the run's name and deadline.
 * The timer is armed lazily: it is left standing at the deadline of an earlier run as long as that comes no later than
 * the one needed, because arming a POSIX timer costs more than the rare signal that turns out to be early. */
#define _GNU_SOURCE
#include "CKVM.h"

#include <dandelion/compute.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Requests for so many consecutive runs can stand at once; runs are numbered strictly rising. */
enum { REQUESTS = 8 };

/* Only `current` and `requests` are touched by other threads; the rest by the engine's thread and handlers on it. */
struct ckvm_stopper {
    _Atomic uint64_t current;            /* run_id + 1, 0 = no run */
    _Atomic uint64_t requests[REQUESTS]; /* (run_id + 1) << 1 | reason, at run_id % REQUESTS */
    struct kvm_run *volatile run;
    volatile uint64_t deadline; /* of the current run, 0 = none */
    volatile uint64_t armed;    /* when the timer fires, 0 = it does not stand */
    volatile int expired;
    timer_t timer;
};

struct ckvm_stopper *ckvm_stopper_create(int signo) {
    struct ckvm_stopper *stopper = calloc(1, sizeof *stopper);
    if (!stopper) return NULL;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signo, .sigev_value.sival_ptr = stopper};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &stopper->timer) == 0) return stopper;
    free(stopper);
    return NULL;
}

/* A signal that is queued for this thread is delivered before timer_delete returns to it. */
void ckvm_stopper_destroy(struct ckvm_stopper *stopper) {
    timer_delete(stopper->timer);
    free(stopper);
}

void ckvm_stopper_aim(struct ckvm_stopper *stopper, struct kvm_run *run) { stopper->run = run; }

static int32_t requested(struct ckvm_stopper *stopper, uint64_t current) {
    uint64_t request = atomic_load(&stopper->requests[(current - 1) % REQUESTS]);
    return current != 0 && request >> 1 == current ? (int32_t)(request & 1) : CKVM_GO_ON;
}

static void arm(struct ckvm_stopper *stopper, uint64_t deadline) {
    struct itimerspec at = {.it_value = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)}};
    stopper->armed = deadline; /* before the call: the signal may come inside it */
    timer_settime(stopper->timer, TIMER_ABSTIME, &at, NULL);
}

void ckvm_stopper_begin(struct ckvm_stopper *stopper, uint64_t run_id, uint64_t deadline, uint64_t now) {
    stopper->deadline = deadline;
    stopper->expired = deadline != 0 && now >= deadline;
    atomic_store(&stopper->current, run_id + 1);
}

int32_t ckvm_stopper_poll(struct ckvm_stopper *stopper) {
    stopper->run->immediate_exit = 0;
    atomic_signal_fence(memory_order_seq_cst);
    int32_t reason = requested(stopper, atomic_load(&stopper->current));
    if (reason != CKVM_GO_ON) return reason;
    if (stopper->expired) return DN_INTERRUPT_DEADLINE;
    if (stopper->deadline != 0 && (stopper->armed == 0 || stopper->armed > stopper->deadline))
        arm(stopper, stopper->deadline);
    return CKVM_GO_ON;
}

void ckvm_stopper_end(struct ckvm_stopper *stopper) {
    stopper->deadline = 0;
    atomic_store(&stopper->current, 0);
}

int ckvm_stopper_request(struct ckvm_stopper *stopper, uint64_t run_id, int32_t reason) {
    uint64_t name = run_id + 1;
    uint64_t request = name << 1 | (reason == DN_INTERRUPT_DEADLINE);
    _Atomic uint64_t *place = &stopper->requests[run_id % REQUESTS];
    uint64_t old = atomic_load(place);
    while (old >> 1 < name)
        if (atomic_compare_exchange_weak(place, &old, request)) break;
    /* Either this sees the run begun, or the run's first poll sees the request: both are sequentially consistent. */
    return atomic_load(&stopper->current) == name;
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int32_t ckvm_stopper_signal(void *arg, int32_t signo, void *info, void *context) {
    (void)context;
    struct ckvm_stopper *stopper = arg;
    siginfo_t *signal = info;
    uint64_t current = atomic_load(&stopper->current);
    if (signal->si_code == SI_TIMER) {
        if (signal->si_value.sival_ptr != stopper) return 0;
        stopper->armed = 0;
        uint64_t deadline = stopper->deadline;
        if (deadline != 0 && now_ns() >= deadline) stopper->expired = 1;
        /* Early for this run or not: the next poll arms the timer again or stops the run. */
        if (current != 0) stopper->run->immediate_exit = 1;
        return 1;
    }
    (void)signo;
    if (requested(stopper, current) == CKVM_GO_ON) return 0;
    stopper->run->immediate_exit = 1;
    return 1;
}
