/* Engines: run an image in a context to its end. */
#define _GNU_SOURCE
#include "plugin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

dn_status engine_create(dn_instance *instance, const dn_engine_params *params, dn_engine **out, dn_error *err) {
    (void)params;
    dn_engine *engine = calloc(1, sizeof *engine);
    if (!engine) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for an engine");
    engine->instance = instance;
    *out = engine;
    return DN_OK;
}

void engine_destroy(dn_engine *engine) { free(engine); }

/* Remembers the newest run that was named, so that a late interrupt of an older one changes nothing. */
void interrupt(dn_engine *engine, uint64_t run_id, int32_t reason) {
    uint64_t wanted = run_id << 1 | (uint64_t)(reason == DN_INTERRUPT_DEADLINE);
    uint64_t found = atomic_load(&engine->stop);
    while (found >> 1 < run_id && !atomic_compare_exchange_weak(&engine->stop, &found, wanted)) {}
}

/* Whether the run must end now; *outcome says why. */
static int must_stop(dn_engine *engine, const dn_run_params *params, int32_t *outcome) {
    uint64_t stop = atomic_load(&engine->stop);
    if (stop >> 1 >= params->run_id) {
        *outcome = stop & 1 ? DN_RUN_DEADLINE : DN_RUN_CANCELLED;
        return 1;
    }
    if (params->deadline == 0 || now() < params->deadline) return 0;
    *outcome = DN_RUN_DEADLINE;
    return 1;
}

static void fault(dn_run_result *result, int32_t kind, uint64_t pc, const char *detail) {
    result->outcome = DN_RUN_FAULTED;
    result->fault_kind = kind;
    result->fault_pc = pc;
    result->valid |= DN_RESULT_PC;
    snprintf(result->detail, sizeof result->detail, "%s", detail);
}

/* Moves a number between a register and memory; 0 when the address is not the function's. */
static int move(dn_context *context, const struct instruction *one, uint64_t *registers, dn_run_result *result) {
    uint64_t address = registers[one->b] + (uint64_t)one->number;
    int stores = one->operation == STORE || one->operation == STOREB;
    uint64_t size = one->operation == LOAD || one->operation == STORE ? 8 : 1;
    if (address < LOW || address > context->limit || size > context->limit - address) {
        result->fault_address = address;
        result->valid |= DN_RESULT_ADDRESS;
        result->fault_kind = stores ? DN_FAULT_WRITE : DN_FAULT_READ;
        return 0;
    }
    if (!stores) registers[one->a] = 0;
    if (stores) memcpy(context->base + address, &registers[one->a], size);
    else memcpy(&registers[one->a], context->base + address, size);
    return 1;
}

/* Interprets until the function leaves, faults, or is stopped. */
static void interpret(dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result) {
    uint64_t registers[REGISTERS] = {params->entry_block};
    uint64_t pc = 0, steps = 0;
    for (; pc < context->image->count; pc++) {
        if (steps++ % 4096 == 0 && must_stop(engine, params, &result->outcome)) return;
        const struct instruction *one = &context->image->code[pc];
        switch (one->operation) {
        case SET: registers[one->a] = (uint64_t)one->number; break;
        case ADD: registers[one->a] = registers[one->b] + registers[one->c]; break;
        case SUB: registers[one->a] = registers[one->b] - registers[one->c]; break;
        case JUMP:
            if (registers[one->a]) pc = (uint64_t)one->number - 1;
            break;
        case TRAP:
            result->trap_code = (int32_t)one->number;
            result->valid |= DN_RESULT_TRAP;
            fault(result, DN_FAULT_TRAP, pc, "trap");
            return;
        case EXIT: {
            int32_t code = (int32_t)(registers[one->a] & 0xff);
            memcpy(context->base + SYSTEM_DATA, &code, sizeof code);
            result->outcome = DN_RUN_EXITED;
            return;
        }
        default:
            if (move(context, one, registers, result)) break;
            fault(result, result->fault_kind, pc, "an address outside of the function's memory");
            return;
        }
    }
    fault(result, DN_FAULT_EXECUTE, pc, "ran past its last instruction");
}

dn_status run(
    dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err) {
    if (!context->image) return fail(err, DN_MISUSE, DN_NO_OFFSET, "run before context_load");
    uint64_t begun = now();
    result->fault_kind = DN_FAULT_NONE;
    result->trap_code = 0;
    result->valid = 0;
    result->detail[0] = 0;
    interpret(engine, context, params, result);
    result->run_ns = now() - begun;
    return DN_OK;
}
