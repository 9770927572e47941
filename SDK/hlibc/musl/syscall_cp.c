/* In the place of src/thread/ARCH/syscall_cp.s: without threads nothing is ever cancelled. */
#include "syscall.h"

__attribute__((visibility("hidden"))) long __syscall_cp_asm(volatile void *cancelled, syscall_arg_t number,
    syscall_arg_t a, syscall_arg_t b, syscall_arg_t c, syscall_arg_t d, syscall_arg_t e, syscall_arg_t f)
{
    (void)cancelled;
    return __hlibc_syscall(number, a, b, c, d, e, f);
}

/* Referenced by src/thread/pthread_cancel.c, whose signal handler never runs. */
__attribute__((visibility("hidden"))) const char __cp_begin[1] = {0}, __cp_end[1] = {0}, __cp_cancel[1] = {0};
