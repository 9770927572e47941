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

#ifdef __cplusplus
}
#endif
#endif
