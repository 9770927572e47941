/* How the compiler's process gives up what it does not need, between its start and its program. */
#ifndef RWASM_CONFINE_H
#define RWASM_CONFINE_H

#include "CRWasm.h"

#include <sys/types.h>

/* What the child of a clone that shares our memory is given. */
struct confined {
    const struct rwasm_command *command;
    int output; /* its standard streams */
    pid_t parent;
    /* Of a namespace of users: what stands for this process's user and group there, themselves. Empty without one. */
    char user_map[32], group_map[32];
};

/* The child's life up to its program; does not return. System calls only: the memory is shared with other threads. */
int rwasm_confine(void *confined);

#endif
