/* In the place of src/thread/ARCH/syscall_cp.s: a thread that is cancelled ends where it calls, or in its call, which then
 * returns -EINTR. */
#include "syscall.h"

__attribute__((visibility("hidden"))) long __cancel(void);

__attribute__((visibility("hidden"))) long __syscall_cp_asm(volatile void *cancelled, syscall_arg_t number,
    syscall_arg_t a, syscall_arg_t b, syscall_arg_t c, syscall_arg_t d, syscall_arg_t e, syscall_arg_t f)
{
    if (*(volatile int *)cancelled) return __cancel();
    return __hlibc_syscall(number, a, b, c, d, e, f);
}

/* Referenced by src/thread/pthread_cancel.c: its handler finds no thread between the two. */
__attribute__((visibility("hidden"))) const char __cp_begin[1] = {0}, __cp_end[1] = {0}, __cp_cancel[1] = {0};
