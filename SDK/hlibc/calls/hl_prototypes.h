/* The functions of hl_calls.h. <sys/syscall.h> comes before this file. */
#ifndef HL_PROTOTYPES_H
#define HL_PROTOTYPES_H

#define HL_TAKE_0 (void)
#define HL_TAKE_1 (long)
#define HL_TAKE_2 (long, long)
#define HL_TAKE_3 (long, long, long)
#define HL_TAKE_4 (long, long, long, long)
#define HL_TAKE_5 (long, long, long, long, long)
#define HL_TAKE_6 (long, long, long, long, long, long)

/* The arguments a..f of a call, cut to the function's. */
#define HL_PASS_0 ()
#define HL_PASS_1 (a)
#define HL_PASS_2 (a, b)
#define HL_PASS_3 (a, b, c)
#define HL_PASS_4 (a, b, c, d)
#define HL_PASS_5 (a, b, c, d, e)
#define HL_PASS_6 (a, b, c, d, e, f)

#define HL_CALL(count, number, function) __attribute__((visibility("hidden"))) long function HL_TAKE_##count;
#include "hl_calls.h"
#undef HL_CALL

/* For numbers that are known at run time only. */
__attribute__((visibility("hidden"))) long hl_dispatch(long, long, long, long, long, long, long);

#endif
