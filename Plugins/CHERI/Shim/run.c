/* Runs of one thread, and how they end early: by a fault, or because they must stop.
 *
 * A function owns nothing of the host, so a signal handler ends it at any instruction by unwinding the trampoline's frame.
 * Handlers run in Executive with the host's DDC, stack and thread pointer. A request to stop that comes before the function
 * is inside cannot end it, and would be lost: the signal comes again until the run is over. */
#define _GNU_SOURCE
#include "CCHERI.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

struct cheri_runner {
    struct cheri_frame frame;
    struct dk_stop stop;
    struct cheri_fault fault;
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

struct cheri_runner *cheri_runner_create(int kick) {
    struct cheri_runner *runner = aligned_alloc(16, (sizeof *runner + 15) & ~15ul);
    if (!runner) return NULL;
    memset(runner, 0, sizeof *runner);
    if (dk_stop_open(&runner->stop, kick) == 0) return runner;
    free(runner);
    return NULL;
}

void cheri_runner_destroy(struct cheri_runner *runner) {
    dk_stop_close(&runner->stop);
    free(runner);
}

void cheri_runner_sync(uint64_t begin, uint64_t end) { cheri_sync_code(begin, end); }

struct dk_stop *cheri_runner_stop(struct cheri_runner *runner) { return &runner->stop; }

int64_t cheri_runner_run(
    struct cheri_runner *runner, const struct cheri_call *call, uint64_t run_id, uint64_t deadline, uint64_t now,
    struct cheri_fault *fault, int32_t *reason) {
    int64_t end = CHERI_STOPPED;
    if (dk_stop_begin(&runner->stop, run_id, deadline, now) == DK_GO_ON)
        end = cheri_enter((uint64_t)call, (uint64_t)&runner->frame);
    dk_stop_end(&runner->stop);
    *fault = runner->fault;
    *reason = runner->stop.reason;
    return end;
}

/* ---- In the signal handler ---- */

/* Leaves the handler for good, so it puts back the mask that the signal changed. */
static void unwind(struct cheri_runner *runner, const ucontext_t *context, int64_t end) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &context->uc_sigmask, NULL, 8);
    cheri_unwind((uint64_t)&runner->frame, (uint64_t)end);
}

static int32_t stop(struct cheri_runner *runner, const ucontext_t *context) {
    if (runner->frame.inside) unwind(runner, context, CHERI_STOPPED);
    dk_stop_again(&runner->stop); /* not inside yet, or not any more */
    return 1;
}

int32_t cheri_runner_signal(void *arg, int32_t signo, void *info, void *raw) {
    struct cheri_runner *runner = arg;
    const siginfo_t *signal = info;
    const ucontext_t *context = raw;
    if (signo >= SIGRTMIN) {
        int32_t reason = dk_stop_signal(&runner->stop, info);
        return reason >= 0 ? stop(runner, context) : reason != DK_NOT_MINE;
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
