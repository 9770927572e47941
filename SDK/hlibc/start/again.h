/* Between the start of a program and snapshot.c. */
#ifndef HL_AGAIN_H
#define HL_AGAIN_H

#include <dandelion/guest.h>

/* Goes on in a snapshot, if the memory is one. Linked when the program asks for snapshots. */
void hl_resume(void) __attribute__((weak));

/* Leaves to the platform as things are, without outputs. */
__attribute__((noreturn)) void hl_depart(void);

/* Takes over what the platform placed for this invocation; the arguments become those of its item stdio/argv. */
void hl_begin_again(int *argc, char ***argv);

#endif
