/* Calls of generated code, and how they end early: by a trap, a fault, or because they must stop.
 *
 * Generated code owns nothing but numbers on its own stack, so a signal handler ends it at any instruction by sending the
 * thread to rwasm_leave. The timer is armed lazily: it is left standing at the deadline of an earlier run as long as that
 * comes no later than the one needed, because arming a POSIX timer costs more than the rare signal that is early. */
#define _GNU_SOURCE
#include "CRWasm.h"

#include <dandelion/compute.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Requests for so many consecutive runs can stand at once; runs are numbered strictly rising. */
enum { REQUESTS = 8, GO_ON = -1, GUARD = 1 << 20 };

/* Only `current` and `requests` are touched by other threads; the rest by the engine's thread and handlers on it. */
struct rwasm_runner {
    void *saved_stack;         /* the first three are known to enter_x86_64.S */
    volatile uint32_t inside;  /* generated code runs, or is about to */
    volatile uint32_t pending; /* the run must stop when it enters */
    volatile int32_t reason;   /* why */
    volatile uint64_t deadline; /* of the current run, 0 = none */
    volatile uint64_t armed;    /* when the timer fires, 0 = it does not stand */
    _Atomic uint64_t current;            /* run_id + 1, 0 = no run */
    _Atomic uint64_t requests[REQUESTS]; /* (run_id + 1) << 1 | reason, at run_id % REQUESTS */
    uint8_t *stack; /* guard, then stack */
    uint64_t stack_bytes;
    uint64_t memory_begin, memory_end;
    struct rwasm_end end;
    int has_timer;
    timer_t timer;
};

int rwasm_enter(
    struct rwasm_runner *runner, void *stack_top, void (*code)(void *, uint32_t, struct rwasm_value *, size_t),
    void *instance, uint32_t function, struct rwasm_value *values, size_t count);
void rwasm_leave(void);

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct rwasm_runner *rwasm_runner_create(int signo, uint64_t stack_bytes) {
    struct rwasm_runner *runner = calloc(1, sizeof *runner);
    if (!runner) return NULL;
    runner->stack_bytes = stack_bytes;
    void *stack = mmap(
        NULL, GUARD + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) goto failed;
    runner->stack = stack;
    if (mprotect(stack, GUARD, PROT_NONE) != 0) goto failed;
    if (signo == 0) return runner;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signo, .sigev_value.sival_ptr = runner};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &runner->timer) != 0) goto failed;
    runner->has_timer = 1;
    return runner;
failed:
    rwasm_runner_destroy(runner);
    return NULL;
}

void rwasm_runner_destroy(struct rwasm_runner *runner) {
    /* A signal that is queued for this thread is delivered before timer_delete returns to it. */
    if (runner->has_timer) timer_delete(runner->timer);
    if (runner->stack) munmap(runner->stack, GUARD + runner->stack_bytes);
    free(runner);
}

void rwasm_runner_watch(struct rwasm_runner *runner, const void *base, uint64_t bytes) {
    runner->memory_begin = (uint64_t)base;
    runner->memory_end = (uint64_t)base + bytes;
}

static int32_t requested(struct rwasm_runner *runner, uint64_t current) {
    uint64_t request = atomic_load(&runner->requests[(current - 1) % REQUESTS]);
    return current != 0 && request >> 1 == current ? (int32_t)(request & 1) : GO_ON;
}

static void arm(struct rwasm_runner *runner, uint64_t deadline) {
    struct itimerspec at = {.it_value = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)}};
    runner->armed = deadline; /* before the call: the signal may come inside it */
    timer_settime(runner->timer, TIMER_ABSTIME, &at, NULL);
}

void rwasm_runner_begin(struct rwasm_runner *runner, uint64_t run_id, uint64_t deadline) {
    runner->pending = 0;
    runner->deadline = deadline;
    atomic_store(&runner->current, run_id + 1);
    int32_t reason = requested(runner, run_id + 1);
    if (reason == GO_ON && deadline != 0 && now_ns() >= deadline) reason = DN_INTERRUPT_DEADLINE;
    if (reason != GO_ON) {
        runner->reason = reason;
        runner->pending = 1;
    } else if (deadline != 0 && runner->has_timer && (runner->armed == 0 || runner->armed > deadline)) {
        arm(runner, deadline);
    }
}

void rwasm_runner_end(struct rwasm_runner *runner) {
    runner->deadline = 0;
    atomic_store(&runner->current, 0);
}

struct rwasm_end rwasm_runner_call(
    struct rwasm_runner *runner, const struct rwasm_descriptor *code, void *instance, uint32_t function,
    struct rwasm_value *values, size_t count) {
    runner->end = (struct rwasm_end){.kind = RWASM_STOPPED, .function = RWASM_NO_FUNCTION};
    int left = rwasm_enter(
        runner, runner->stack + GUARD + runner->stack_bytes, code->call, instance, function, values, count);
    struct rwasm_end end = runner->end;
    if (!left) end.kind = RWASM_RETURNED;
    else if (end.kind == RWASM_STOPPED) end.code = (uint32_t)runner->reason;
    return end;
}

enum { MEMORY_BOUNDS = 2, TABLE_BOUNDS = 3 }; /* traps, Crate/lib.rs */

/* The first trap of the active segments, 0 = none. */
static uint32_t fill(const struct rwasm_setup *setup) {
    for (size_t i = 0; i < setup->table_count; i++) {
        const struct rwasm_fill *from = &setup->tables[i];
        struct rwasm_table *table = setup->env->tables[from->table];
        if (from->offset > table->size || from->count > table->size - from->offset) return TABLE_BOUNDS;
        if (from->count) memcpy(table->elements + from->offset, from->from, from->count * sizeof *table->elements);
    }
    for (size_t i = 0; i < setup->memory_count; i++) {
        const struct rwasm_fill *from = &setup->memories[i];
        if (from->offset > setup->bytes || from->count > setup->bytes - from->offset) return MEMORY_BOUNDS;
        if (from->count) memcpy(setup->env->memory->base + from->offset, from->from, from->count);
    }
    return 0;
}

static void set_up(void *argument, uint32_t unused, struct rwasm_value *trap, size_t count) {
    const struct rwasm_setup *setup = argument;
    (void)unused, (void)count;
    trap->low = fill(setup);
    if (trap->low == 0) setup->code->make(setup->instance, setup->env);
}

struct rwasm_end rwasm_runner_set_up(struct rwasm_runner *runner, const struct rwasm_setup *setup) {
    const struct rwasm_descriptor code = {.call = set_up};
    struct rwasm_value trap = {0};
    struct rwasm_end end = rwasm_runner_call(runner, &code, (void *)setup, 0, &trap, 1);
    if (end.kind != RWASM_RETURNED || trap.low == 0) return end;
    return (struct rwasm_end){.kind = RWASM_TRAPPED, .code = (uint32_t)trap.low, .function = RWASM_NO_FUNCTION};
}

int rwasm_runner_request(struct rwasm_runner *runner, uint64_t run_id, int32_t reason) {
    uint64_t name = run_id + 1;
    uint64_t request = name << 1 | (reason == DN_INTERRUPT_DEADLINE);
    _Atomic uint64_t *place = &runner->requests[run_id % REQUESTS];
    uint64_t old = atomic_load(place);
    while (old >> 1 < name)
        if (atomic_compare_exchange_weak(place, &old, request)) break;
    /* Either this sees the run begun, or rwasm_runner_begin sees the request: both are sequentially consistent. */
    return atomic_load(&runner->current) == name;
}

/* ---- In the signal handler ---- */

static int32_t leave(struct rwasm_runner *runner, ucontext_t *context, struct rwasm_end end) {
    end.pc = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    runner->end = end;
    runner->inside = 0;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)rwasm_leave;
    context->uc_mcontext.gregs[REG_RDI] = (greg_t)runner;
    context->uc_mcontext.gregs[REG_EFL] &= ~0x400; /* the direction flag is clear by convention */
    return 1;
}

static int32_t stop(struct rwasm_runner *runner, ucontext_t *context, int32_t reason) {
    runner->reason = reason;
    runner->pending = 1;
    if (!runner->inside) return 1;
    return leave(runner, context, (struct rwasm_end){.kind = RWASM_STOPPED, .function = RWASM_NO_FUNCTION});
}

static int32_t on_timer(struct rwasm_runner *runner, ucontext_t *context) {
    runner->armed = 0;
    uint64_t deadline = runner->deadline;
    if (deadline == 0) return 1;
    if (now_ns() >= deadline) return stop(runner, context, DN_INTERRUPT_DEADLINE);
    arm(runner, deadline);
    return 1;
}

/* The runtime's traps are ud2 with the code in eax and the function in edx. */
static int32_t on_illegal(struct rwasm_runner *runner, ucontext_t *context) {
    const uint8_t *pc = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    if (pc[0] != 0x0f || pc[1] != 0x0b) return 0;
    struct rwasm_end end = {
        .kind = RWASM_TRAPPED,
        .code = (uint32_t)context->uc_mcontext.gregs[REG_RAX],
        .function = (uint32_t)context->uc_mcontext.gregs[REG_RDX],
    };
    return leave(runner, context, end);
}

static int32_t on_fault(struct rwasm_runner *runner, uint64_t address, ucontext_t *context) {
    struct rwasm_end end = {.function = RWASM_NO_FUNCTION, .address = address};
    uint64_t guard = (uint64_t)runner->stack;
    if (address >= guard && address < guard + GUARD) {
        end.kind = RWASM_STACK;
    } else if (address >= runner->memory_begin && address < runner->memory_end) {
        end.kind = RWASM_BOUNDS;
        end.address = address - runner->memory_begin;
    } else {
        return 0; /* no access that generated code can make: the process must not go on */
    }
    return leave(runner, context, end);
}

int32_t rwasm_runner_signal(void *arg, int32_t signo, void *info, void *context) {
    struct rwasm_runner *runner = arg;
    siginfo_t *signal = info;
    if (signo >= SIGRTMIN) {
        if (signal->si_code == SI_TIMER)
            return signal->si_value.sival_ptr == runner ? on_timer(runner, context) : 0;
        int32_t reason = requested(runner, atomic_load(&runner->current));
        return reason == GO_ON ? 0 : stop(runner, context, reason);
    }
    if (!runner->inside) return 0;
    if (signo == SIGILL) return on_illegal(runner, context);
    if (signo == SIGSEGV || signo == SIGBUS) return on_fault(runner, (uint64_t)signal->si_addr, context);
    return 0;
}
