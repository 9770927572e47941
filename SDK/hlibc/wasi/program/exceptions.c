/* WebAssembly without the exception-handling proposal cannot unwind: the code of `try` runs, no handler is compiled, and a
 * `throw` ends the function as an exception that nobody catches. */
#include "../wasi.h"
#include <stdlib.h>
#include <unistd.h>

#define ABORTED 134 /* as after SIGABRT */

static _Noreturn void thrown(void) {
    static const char message[] = "hlibc: an exception was thrown, which no function in WebAssembly can catch\n";
    write(STDERR_FILENO, message, sizeof message - 1);
    wasi_leave(ABORTED);
}

void *__cxa_allocate_exception(size_t size) {
    void *exception = malloc(size);
    if (!exception) thrown();
    return exception;
}

void __cxa_free_exception(void *exception) { free(exception); }

_Noreturn void __cxa_throw(void *exception, void *type, void (*destructor)(void *)) {
    (void)exception, (void)type, (void)destructor;
    thrown();
}

_Noreturn void __cxa_rethrow(void) { thrown(); }
