/* For libunwind, which takes this word from the header that wasi-libc lacks. */
#define thread_local _Thread_local
