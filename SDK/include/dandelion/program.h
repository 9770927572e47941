/* What hosted programs (dandelion.cfg) have beside <dandelion/function.h>. */
#ifndef DANDELION_PROGRAM_H
#define DANDELION_PROGRAM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Not for WebAssembly. Makes a file at an absolute path, with the folders that lead to it, of bytes that the program carries: they are read
 * where they lie, must stay as they are, and are copied if somebody writes to the file. 0, or -1 with errno: EEXIST when
 * the path is taken, ENOTDIR, ENAMETOOLONG, EINVAL for a relative path, ENOSPC. */
int dandelion_carry(const char *path, const void *data, size_t length);

/* Where every invocation may begin: the platform runs the program up to here when it is registered, without its inputs
 * but for those that were bound then, and each invocation goes on from here with memory as it was, its own inputs, time and
 * random numbers, and its own arguments, which take the place of those of main in *argc and *argv. Files that were opened
 * before stay open. 1 in an invocation that goes on so; 0 where no snapshot is taken, and the program just goes on.
 * For the first thread, while there is no other. */
int dandelion_snapshot(int *argc, char ***argv);

/* From now on, and in all invocations that begin at a snapshot, the time that the processor is used for passes on all clocks, as
 * with DANDELION_CLOCK=processor in the environment: for programs that wait for a time by looking at the clock. Another
 * value there keeps the function's own time. */
void dandelion_follow_processor(void);

#ifdef __cplusplus
}
#endif
#endif
