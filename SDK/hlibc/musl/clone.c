/* In the place of src/thread/ARCH/clone.s and __unmapself.s: threads take turns (calls/threads.h), processes are not made. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include "pthread_impl.h"

hidden long hl_clone_thread(int (*)(void *), void *, unsigned long, void *, int *, void *, int *, void *);
hidden _Noreturn void hl_exit_unmapping(void *, uint64_t);

int __clone(int (*start)(void *), void *stack, int flags, void *argument, ...)
{
    if (!(flags & CLONE_THREAD)) return -ENOSYS;
    va_list list;
    va_start(list, argument);
    int *parent = va_arg(list, int *);
    void *pointer = va_arg(list, void *);
    int *clear = va_arg(list, int *);
    va_end(list);
    /* The thread as pthread_create has it: its stack's lowest word tells whether it was overrun. */
    pthread_t thread = (pthread_t)((char *)pointer - (size_t)TP_ADJ((char *)0));
    void *lowest = thread->map_base ? (char *)thread->stack - thread->stack_size : 0;
    return hl_clone_thread(start, stack, flags, argument, parent, pointer, clear, lowest);
}

_Noreturn void __unmapself(void *base, size_t size)
{
    hl_exit_unmapping(base, size);
}
