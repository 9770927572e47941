/* setjmp and longjmp for WebAssembly, which wasi-libc lacks: clang makes exceptions of them (-wasm-enable-sjlj). */
#ifndef _SETJMP_H
#define _SETJMP_H

#ifdef __cplusplus
extern "C" {
#endif

struct __jmp_buf_tag { unsigned __words[8]; };
typedef struct __jmp_buf_tag jmp_buf[1];

int setjmp(jmp_buf) __attribute__((__returns_twice__));
void longjmp(jmp_buf, int) __attribute__((__noreturn__));

#if defined(_POSIX_SOURCE) || defined(_POSIX_C_SOURCE) || defined(_XOPEN_SOURCE) || defined(_GNU_SOURCE) || defined(_BSD_SOURCE)
/* There is no mask of signals to keep. */
typedef jmp_buf sigjmp_buf;
#define sigsetjmp(buffer, mask) setjmp(buffer)
#define siglongjmp longjmp
#define _setjmp setjmp
#define _longjmp longjmp
#endif

#define setjmp setjmp

#ifdef __cplusplus
}
#endif

#endif
