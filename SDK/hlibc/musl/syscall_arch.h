/* In the place of musl's file of this name for every architecture: a system call is a call of the function that
 * answers it. Numbers are constants nearly everywhere, so the switch folds to that one call and the linker leaves out
 * whatever a program does not use. */
#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

#include "hl_prototypes.h"

static __inline __attribute__((always_inline)) long __hlibc_syscall(
    long number, long a, long b, long c, long d, long e, long f)
{
    if (!__builtin_constant_p(number)) return hl_dispatch(number, a, b, c, d, e, f);
    switch (number) {
#define HL_CALL(count, known, function) case known: return function HL_PASS_##count;
#include "hl_calls.h"
#undef HL_CALL
    default: return -ENOSYS;
    }
}

static __inline __attribute__((always_inline)) long __syscall0(long n) { return __hlibc_syscall(n, 0, 0, 0, 0, 0, 0); }
static __inline __attribute__((always_inline)) long __syscall1(long n, long a) { return __hlibc_syscall(n, a, 0, 0, 0, 0, 0); }
static __inline __attribute__((always_inline)) long __syscall2(long n, long a, long b) { return __hlibc_syscall(n, a, b, 0, 0, 0, 0); }
static __inline __attribute__((always_inline)) long __syscall3(long n, long a, long b, long c) { return __hlibc_syscall(n, a, b, c, 0, 0, 0); }
static __inline __attribute__((always_inline)) long __syscall4(long n, long a, long b, long c, long d)
{
    return __hlibc_syscall(n, a, b, c, d, 0, 0);
}
static __inline __attribute__((always_inline)) long __syscall5(long n, long a, long b, long c, long d, long e)
{
    return __hlibc_syscall(n, a, b, c, d, e, 0);
}
static __inline __attribute__((always_inline)) long __syscall6(long n, long a, long b, long c, long d, long e, long f)
{
    return __hlibc_syscall(n, a, b, c, d, e, f);
}

#define IPC_64 0
