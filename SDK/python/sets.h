/* The module _dandelion: the sets of the invocation without a way through files. */
#ifndef DANDELION_PYTHON_SETS_H
#define DANDELION_PYTHON_SETS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyMODINIT_FUNC PyInit__dandelion(void);

/* where.c: from now on the program tells where it is as its time runs out. */
void dandelion_watch(void);

#endif
