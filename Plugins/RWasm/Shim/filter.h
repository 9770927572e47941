/* The compiler's filter of system calls. */
#ifndef RWASM_FILTER_H
#define RWASM_FILTER_H

/* Makes it, once, which needs memory. 0 or errno. [any-thread] */
int rwasm_filter_prepare(void);
/* Puts the calling thread and what it starts under it, without allocating; not to be taken back. 0 or -1. */
int rwasm_filter_apply(void);

#endif
