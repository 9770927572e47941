#ifndef HL_STACK_H
#define HL_STACK_H

#include <dandelion/guest.h>

/* Notes the first thread's stack: what the platform gave, or, where the image asks for more (-z stack-size), memory of the
 * function's own. Its highest address when it is another stack than the one in use, else NULL; -1 in `error` when the
 * memory has no room for it. */
char *hl_stack_start(const dn_guest_entry *entry, int *error);

/* Calls `run` on a stack that ends at `high`. */
__attribute__((noreturn)) void hl_stack_enter(char *high, void (*run)(void));

#endif
