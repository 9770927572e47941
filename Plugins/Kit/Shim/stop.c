/* Stopping a run by name, without a thread, a lock or a race.
 *
 * A request or timer that is meant for another run is told from one for this run by the run's name and deadline. The timer
 * is armed lazily: it is left standing at the deadline of an earlier run as long as that comes no later than the one
 * needed, because arming a POSIX timer costs more than the rare signal that turns out to be early. */
#define _GNU_SOURCE
#include "dk_stop.h"

#include <dandelion/compute.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_NS 1000000

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int dk_stop_open(struct dk_stop *stop, int signo) {
    memset(stop, 0, sizeof *stop);
    stop->reason = DK_GO_ON;
    if (signo == 0) return 0;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signo, .sigev_value.sival_ptr = stop};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &stop->timer) != 0) return errno;
    stop->has_timer = 1;
    return 0;
}

/* A signal that is queued for this thread is delivered before timer_delete returns to it. */
void dk_stop_close(struct dk_stop *stop) {
    if (stop->has_timer) timer_delete(stop->timer);
    stop->has_timer = 0;
}

/* What was asked of the run of that name. */
static int32_t requested(struct dk_stop *stop, uint64_t current) {
    uint64_t request = __atomic_load_n(&stop->requests[(current - 1) % DK_STOP_REQUESTS], __ATOMIC_SEQ_CST);
    return current != 0 && request >> 1 == current ? (int32_t)(request & 1) : DK_GO_ON;
}

static void arm(struct dk_stop *stop, uint64_t at) {
    struct itimerspec when = {.it_value = {(time_t)(at / 1000000000), (long)(at % 1000000000)}};
    if (!stop->has_timer) return;
    stop->armed = at; /* before the call: the signal may come inside it */
    timer_settime(stop->timer, TIMER_ABSTIME, &when, NULL);
}

int32_t dk_stop_begin(struct dk_stop *stop, uint64_t run_id, uint64_t deadline, uint64_t now) {
    stop->reason = DK_GO_ON;
    stop->deadline = deadline;
    __atomic_store_n(&stop->current, run_id + 1, __ATOMIC_SEQ_CST);
    int32_t reason = requested(stop, run_id + 1);
    if (reason == DK_GO_ON && deadline != 0 && now >= deadline) reason = DN_INTERRUPT_DEADLINE;
    if (reason != DK_GO_ON) stop->reason = reason;
    else if (deadline != 0 && (stop->armed == 0 || stop->armed > deadline)) arm(stop, deadline);
    return stop->reason;
}

void dk_stop_end(struct dk_stop *stop) {
    stop->deadline = 0;
    __atomic_store_n(&stop->current, 0, __ATOMIC_SEQ_CST);
}

int dk_stop_request(struct dk_stop *stop, uint64_t run_id, int32_t reason) {
    uint64_t name = run_id + 1;
    uint64_t request = name << 1 | (reason == DN_INTERRUPT_DEADLINE);
    uint64_t *place = &stop->requests[run_id % DK_STOP_REQUESTS];
    uint64_t old = __atomic_load_n(place, __ATOMIC_SEQ_CST);
    while (old >> 1 < name)
        if (__atomic_compare_exchange_n(place, &old, request, 1, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) break;
    /* Either this sees the run begun, or dk_stop_begin sees the request: both are sequentially consistent. */
    return __atomic_load_n(&stop->current, __ATOMIC_SEQ_CST) == name;
}

static int32_t on_timer(struct dk_stop *stop, uint64_t current) {
    stop->armed = 0;
    if (current == 0 || stop->reason != DK_GO_ON) return current == 0 ? DK_GO_ON : stop->reason;
    int32_t reason = requested(stop, current);
    uint64_t deadline = stop->deadline;
    if (reason == DK_GO_ON && deadline != 0) {
        if (now_ns() >= deadline) reason = DN_INTERRUPT_DEADLINE;
        else arm(stop, deadline); /* it stood at the deadline of an earlier run */
    }
    return stop->reason = reason;
}

int32_t dk_stop_signal(struct dk_stop *stop, const void *info) {
    const siginfo_t *signal = info;
    uint64_t current = __atomic_load_n(&stop->current, __ATOMIC_SEQ_CST);
    if (signal->si_code == SI_TIMER) return signal->si_value.sival_ptr == stop ? on_timer(stop, current) : DK_NOT_MINE;
    int32_t reason = requested(stop, current);
    if (reason == DK_GO_ON) return DK_NOT_MINE;
    if (stop->reason == DK_GO_ON) stop->reason = reason;
    return stop->reason;
}

void dk_stop_again(struct dk_stop *stop) {
    uint64_t at = now_ns() + AGAIN_NS;
    if (stop->armed == 0 || stop->armed > at) arm(stop, at);
}
