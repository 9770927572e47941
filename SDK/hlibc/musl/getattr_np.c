/* In the place of src/thread/pthread_getattr_np.c, which looks for the end of the first thread's stack by mremap. */
#define _GNU_SOURCE
#include "pthread_impl.h"

hidden void hl_stack_bounds(char **low, char **high);

int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
    char *low, *high;
    hl_stack_bounds(&low, &high);
    *attributes = (pthread_attr_t){0};
    attributes->_a_detach = thread->detach_state >= DT_DETACHED;
    attributes->_a_guardsize = thread->guard_size;
    attributes->_a_stackaddr = (uintptr_t)(thread->stack ? thread->stack : high);
    attributes->_a_stacksize = thread->stack ? thread->stack_size : (size_t)(high - low);
    return 0;
}
