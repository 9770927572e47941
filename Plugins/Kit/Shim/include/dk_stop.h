/* Stopping a run by signals. */
#ifndef DK_STOP_H
#define DK_STOP_H

#include <stdint.h>

#pragma clang assume_nonnull begin

/* Requests for so many consecutive runs can stand at once; runs are numbered strictly rising. */
#define DK_STOP_REQUESTS 8

/* Stops runs of one engine by name. A part of what the engine's signal handler gets; the fields are dk_stop_*'s own. Other
 * threads touch `current` and `requests`, by atomic operations; the rest is for the engine's thread and handlers on it. */
struct dk_stop {
    uint64_t current;                    /* run_id + 1, 0 = no run */
    uint64_t requests[DK_STOP_REQUESTS]; /* (run_id + 1) << 1 | reason, at run_id % DK_STOP_REQUESTS */
    volatile uint64_t deadline;          /* of the current run, 0 = none */
    volatile uint64_t armed;             /* when the timer fires, 0 = it does not stand */
    volatile int32_t reason;             /* why the current run must stop, or DK_GO_ON */
    int32_t has_timer;
    void *_Nullable timer;
};

/* Beside DN_INTERRUPT_*, which are the reasons to stop. */
#define DK_GO_ON (-1)    /* nobody wants the run stopped */
#define DK_NOT_MINE (-2) /* a signal that is not for the current run */

/* On the engine's thread. signo is the signal that interrupts it, 0 = no run will have a deadline. 0, or errno when the
 * system has no timer left. */
int dk_stop_open(struct dk_stop *stop, int signo);
/* After it no signal of the timer is under way to code that reads the struct. */
void dk_stop_close(struct dk_stop *stop);
/* Begins the run named run_id, which may last until deadline (CLOCK_MONOTONIC ns, 0 = for ever); now is the time. Returns
 * why it must not start, or DK_GO_ON: then a signal will come when it has to stop. */
int32_t dk_stop_begin(struct dk_stop *stop, uint64_t run_id, uint64_t deadline, uint64_t now);
void dk_stop_end(struct dk_stop *stop);
/* Asks the run named run_id to stop, begun or not. Returns 1 when the engine's thread has to be kicked. [any-thread] */
int dk_stop_request(struct dk_stop *stop, uint64_t run_id, int32_t reason);
/* For the handler of that signal, with its siginfo_t: why the run must stop now, DK_GO_ON, or DK_NOT_MINE. */
int32_t dk_stop_signal(struct dk_stop *stop, const void *info);
/* In the handler, when the run cannot be stopped where it is just now: the signal comes again in a millisecond. */
void dk_stop_again(struct dk_stop *stop);

#pragma clang assume_nonnull end

#endif
