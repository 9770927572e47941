/* Runs of one thread, and how they end early: by a fault, or because they must stop.
 *
 * A function owns nothing of the host, so a signal handler ends it at any instruction by unwinding the trampoline's frame.
 * Handlers run in Executive with the host's DDC, stack and thread pointer. A request to stop that comes before the function
 * is inside cannot end it, and would be lost: the timer repeats until the run is over. It is armed lazily, and left standing
 * at the deadline of an earlier run as long as that comes no later than the one needed. */
#define _GNU_SOURCE
#include "CCHERI.h"

#include <dandelion/compute.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Requests for so many consecutive runs can stand at once; runs are numbered strictly rising. */
enum { REQUESTS = 8, GO_ON = -1 };
#define REPEAT_NS 1000000

/* Only `current` and `requests` are touched by other threads; the rest by the engine's thread and handlers on it. */
struct cheri_runner {
    struct cheri_frame frame;
    volatile uint64_t deadline; /* of the current run, 0 = none */
    volatile uint64_t armed;    /* when the timer fires first, 0 = it does not stand */
    volatile int32_t reason;    /* why the current run must stop, GO_ON = it need not */
    _Atomic uint64_t current;            /* run_id + 1, 0 = no run */
    _Atomic uint64_t requests[REQUESTS]; /* (run_id + 1) << 1 | reason, at run_id % REQUESTS */
    struct cheri_fault fault;
    timer_t timer;
};

_Static_assert(sizeof(struct cheri_frame) == CHERI_FRAME_BYTES, "as the trampoline sees it");
_Static_assert(sizeof(struct cheri_call) == CHERI_CALL_BYTES, "as the trampoline sees it");

#if defined(__aarch64__)
int64_t cheri_enter(uint64_t call, uint64_t frame);
__attribute__((noreturn)) void cheri_unwind(uint64_t frame, uint64_t result);
void cheri_sync_code(uint64_t begin, uint64_t end);

static uint64_t pc_of(const ucontext_t *context) { return context->uc_mcontext.pc; }

/* The kernel tells the syndrome of a memory fault in a record behind the registers. */
static uint64_t syndrome_of(const ucontext_t *context) {
    const uint8_t *at = context->uc_mcontext.__reserved;
    const uint8_t *end = at + sizeof context->uc_mcontext.__reserved;
    struct { uint32_t magic, size; uint64_t esr; } record;
    while (end - at >= (ptrdiff_t)sizeof record) {
        memcpy(&record, at, sizeof record);
        if (record.magic == 0x45535201) return record.esr;
        if (record.magic == 0 || record.size < 8) break;
        at += record.size;
    }
    return 0;
}
#else
/* Elsewhere no engine is ever made: the probe says no. */
static int64_t cheri_enter(uint64_t call, uint64_t frame) { return (void)call, (void)frame, CHERI_REFUSED; }
static void cheri_unwind(uint64_t frame, uint64_t result) { (void)frame, (void)result; }
static void cheri_sync_code(uint64_t begin, uint64_t end) { (void)begin, (void)end; }
static uint64_t pc_of(const ucontext_t *context) { return (void)context, 0; }
static uint64_t syndrome_of(const ucontext_t *context) { return (void)context, 0; }
#endif

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct cheri_runner *cheri_runner_create(int kick) {
    struct cheri_runner *runner = aligned_alloc(16, (sizeof *runner + 15) & ~15ul);
    if (!runner) return NULL;
    memset(runner, 0, sizeof *runner);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = kick, .sigev_value.sival_ptr = runner};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &runner->timer) == 0) return runner;
    free(runner);
    return NULL;
}

void cheri_runner_destroy(struct cheri_runner *runner) {
    /* A signal that is queued for this thread is delivered before timer_delete returns to it. */
    timer_delete(runner->timer);
    free(runner);
}

void cheri_runner_sync(uint64_t begin, uint64_t end) { cheri_sync_code(begin, end); }

static int32_t requested(struct cheri_runner *runner, uint64_t current) {
    uint64_t request = atomic_load(&runner->requests[(current - 1) % REQUESTS]);
    return current != 0 && request >> 1 == current ? (int32_t)(request & 1) : GO_ON;
}

/* Fires at `at` and then again and again; 0 stops it. */
static void arm(struct cheri_runner *runner, uint64_t at) {
    struct itimerspec when = {
        .it_value = {(time_t)(at / 1000000000), (long)(at % 1000000000)},
        .it_interval = {0, at == 0 ? 0 : REPEAT_NS},
    };
    runner->armed = at; /* before the call: the signal may come inside it */
    timer_settime(runner->timer, TIMER_ABSTIME, &when, NULL);
}

static void begin(struct cheri_runner *runner, uint64_t run_id, uint64_t deadline) {
    runner->reason = GO_ON;
    runner->deadline = deadline;
    atomic_store(&runner->current, run_id + 1);
    int32_t reason = requested(runner, run_id + 1);
    if (reason == GO_ON && deadline != 0 && now_ns() >= deadline) reason = DN_INTERRUPT_DEADLINE;
    if (reason != GO_ON) runner->reason = reason;
    else if (deadline != 0 && (runner->armed == 0 || runner->armed > deadline)) arm(runner, deadline);
}

int64_t cheri_runner_run(
    struct cheri_runner *runner, const struct cheri_call *call, uint64_t run_id, uint64_t deadline,
    struct cheri_fault *fault, int32_t *reason) {
    begin(runner, run_id, deadline);
    int64_t end = runner->reason == GO_ON ? cheri_enter((uint64_t)call, (uint64_t)&runner->frame) : CHERI_STOPPED;
    runner->deadline = 0;
    atomic_store(&runner->current, 0);
    *fault = runner->fault;
    *reason = runner->reason;
    return end;
}

int cheri_runner_request(struct cheri_runner *runner, uint64_t run_id, int32_t reason) {
    uint64_t name = run_id + 1;
    uint64_t request = name << 1 | (reason == DN_INTERRUPT_DEADLINE);
    _Atomic uint64_t *place = &runner->requests[run_id % REQUESTS];
    uint64_t old = atomic_load(place);
    while (old >> 1 < name)
        if (atomic_compare_exchange_weak(place, &old, request)) break;
    /* Either this sees the run begun, or begin sees the request: both are sequentially consistent. */
    return atomic_load(&runner->current) == name;
}

/* ---- In the signal handler ---- */

/* Leaves the handler for good, so it puts back the mask that the signal changed. */
static void unwind(struct cheri_runner *runner, const ucontext_t *context, int64_t end) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &context->uc_sigmask, NULL, 8);
    cheri_unwind((uint64_t)&runner->frame, (uint64_t)end);
}

static int32_t stop(struct cheri_runner *runner, const ucontext_t *context, int32_t reason) {
    if (runner->reason == GO_ON) runner->reason = reason;
    if (runner->frame.inside) unwind(runner, context, CHERI_STOPPED);
    /* Not inside yet, or not any more: come again. */
    if (runner->armed == 0 || runner->armed > now_ns()) arm(runner, now_ns() + REPEAT_NS);
    return 1;
}

static int32_t on_timer(struct cheri_runner *runner, const ucontext_t *context) {
    uint64_t deadline = runner->deadline, current = atomic_load(&runner->current);
    int32_t reason = requested(runner, current);
    if (reason != GO_ON) return stop(runner, context, reason);
    if (deadline != 0 && now_ns() >= deadline) return stop(runner, context, DN_INTERRUPT_DEADLINE);
    arm(runner, deadline);
    return 1;
}

int32_t cheri_runner_signal(void *arg, int32_t signo, void *info, void *raw) {
    struct cheri_runner *runner = arg;
    const siginfo_t *signal = info;
    const ucontext_t *context = raw;
    if (signo >= SIGRTMIN) {
        if (signal->si_code == SI_TIMER)
            return signal->si_value.sival_ptr == runner ? on_timer(runner, context) : 0;
        int32_t reason = requested(runner, atomic_load(&runner->current));
        return reason == GO_ON ? 0 : stop(runner, context, reason);
    }
    /* After a jump out of bounds the pc may be any address, so only the flag tells whose fault it is. */
    if (!runner->frame.inside || signal->si_code <= 0) return 0;
    runner->fault = (struct cheri_fault){
        .signal = signo,
        .code = signal->si_code,
        .address = (uint64_t)signal->si_addr,
        .pc = pc_of(context),
        .syndrome = syndrome_of(context),
        .call = signo == SIGSYS ? signal->si_syscall : 0,
    };
    unwind(runner, context, CHERI_FAULTED);
    return 1;
}
