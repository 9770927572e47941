/* Calls of generated code, and how they end early: by a trap, a fault, or because they must stop.
 *
 * Generated code owns nothing but numbers on its own stack, so a signal handler ends it at any instruction by sending the
 * thread to rwasm_leave. */
#define _GNU_SOURCE
#include "CRWasm.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { GUARD = 1 << 20 };

struct rwasm_runner {
    void *saved_stack;         /* the first three are known to enter_x86_64.S */
    volatile uint32_t inside;  /* generated code runs, or is about to */
    volatile uint32_t pending; /* the run must stop when it enters */
    struct dk_stop stop;
    uint8_t *stack; /* guard, then stack */
    uint64_t stack_bytes;
    uint64_t memory_begin, memory_end;
    struct rwasm_end end;
};

int rwasm_enter(
    struct rwasm_runner *runner, void *stack_top, void (*code)(void *, uint32_t, struct rwasm_value *, size_t),
    void *instance, uint32_t function, struct rwasm_value *values, size_t count);
void rwasm_leave(void);

struct rwasm_runner *rwasm_runner_create(int signo, uint64_t stack_bytes) {
    struct rwasm_runner *runner = calloc(1, sizeof *runner);
    if (!runner) return NULL;
    runner->stack_bytes = stack_bytes;
    void *stack = mmap(
        NULL, GUARD + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) goto failed;
    runner->stack = stack;
    if (mprotect(stack, GUARD, PROT_NONE) != 0) goto failed;
    if (dk_stop_open(&runner->stop, signo) == 0) return runner;
failed:
    rwasm_runner_destroy(runner);
    return NULL;
}

void rwasm_runner_destroy(struct rwasm_runner *runner) {
    dk_stop_close(&runner->stop);
    if (runner->stack) munmap(runner->stack, GUARD + runner->stack_bytes);
    free(runner);
}

void rwasm_runner_watch(struct rwasm_runner *runner, const void *base, uint64_t bytes) {
    runner->memory_begin = (uint64_t)base;
    runner->memory_end = (uint64_t)base + bytes;
}

struct dk_stop *rwasm_runner_stop(struct rwasm_runner *runner) { return &runner->stop; }

void rwasm_runner_begin(struct rwasm_runner *runner, uint64_t run_id, uint64_t deadline, uint64_t now) {
    runner->pending = 0;
    if (dk_stop_begin(&runner->stop, run_id, deadline, now) != DK_GO_ON) runner->pending = 1;
}

void rwasm_runner_end(struct rwasm_runner *runner) { dk_stop_end(&runner->stop); }

struct rwasm_end rwasm_runner_call(
    struct rwasm_runner *runner, const struct rwasm_descriptor *code, void *instance, uint32_t function,
    struct rwasm_value *values, size_t count) {
    runner->end = (struct rwasm_end){.kind = RWASM_STOPPED, .function = RWASM_NO_FUNCTION};
    int left = rwasm_enter(
        runner, runner->stack + GUARD + runner->stack_bytes, code->call, instance, function, values, count);
    struct rwasm_end end = runner->end;
    if (!left) end.kind = RWASM_RETURNED;
    else if (end.kind == RWASM_STOPPED) end.code = (uint32_t)runner->stop.reason;
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

static int32_t stop(struct rwasm_runner *runner, ucontext_t *context) {
    runner->pending = 1;
    if (!runner->inside) return 1;
    return leave(runner, context, (struct rwasm_end){.kind = RWASM_STOPPED, .function = RWASM_NO_FUNCTION});
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
        int32_t reason = dk_stop_signal(&runner->stop, info);
        return reason >= 0 ? stop(runner, context) : reason != DK_NOT_MINE;
    }
    if (!runner->inside) return 0;
    if (signo == SIGILL) return on_illegal(runner, context);
    if (signo == SIGSEGV || signo == SIGBUS) return on_fault(runner, (uint64_t)signal->si_addr, context);
    return 0;
}
