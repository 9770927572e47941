/* Calls between instances, and signals for a program that runs generated code without a host. */
#define _GNU_SOURCE
#include "CRWasm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { UNINITIALIZED_ELEMENT = 4, INDIRECT_CALL_TYPE = 5 };

uint32_t rwasm_link_call(void *host, uint64_t reference, uint32_t kind, struct rwasm_value *arguments, size_t count) {
    struct rwasm_linked *self = host;
    uint32_t type = self->types[kind];
    /* The number of an import stands for what is bound to it. */
    if (reference >> 63) reference = self->imports[(uint32_t)reference];
    if (reference == 0) return UNINITIALIZED_ELEMENT;
    uint32_t instance = (uint32_t)(reference >> 32) & 0x7fffffff;
    if (instance == (RWASM_HOST_INSTANCE & 0x7fffffff)) return 0;
    if (instance >= RWASM_STORE_MAX || !self->store->linked[instance]) return INDIRECT_CALL_TYPE;
    struct rwasm_linked *target = self->store->linked[instance];
    uint32_t ordinal = (uint32_t)reference;
    if (ordinal >= target->count || target->kinds[ordinal] != type) return INDIRECT_CALL_TYPE;
    target->code->call(target->instance, target->functions[ordinal], arguments, count);
    return 0;
}

static struct rwasm_runner *only;

static void handle(int signo, siginfo_t *info, void *context) {
    if (rwasm_runner_signal(only, signo, info, context)) return;
    signal(signo, SIG_DFL);
}

int rwasm_install_handlers(struct rwasm_runner *runner) {
    only = runner;
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    if (!stack.ss_sp || sigaltstack(&stack, NULL) != 0) return errno;
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL};
    for (unsigned i = 0; i < 3; i++)
        if (sigaction(signals[i], &action, NULL) != 0) return errno;
    return 0;
}
