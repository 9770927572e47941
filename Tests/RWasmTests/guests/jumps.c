/* Jumps out of functions, into one of several buffers and with the value 0; then the program aborts. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf outer, inner;

__attribute__((noinline)) static void down(int depth) {
    if (depth == 0) longjmp(outer, 42);
    if (depth == 3) longjmp(inner, 1);
    down(depth - 1);
}

int main(void) {
    volatile int passed = 0;
    int value = setjmp(outer);
    passed += 100;
    if (value == 0) {
        if (setjmp(inner) == 0) down(6);
        passed++;
        down(2);
    }
    printf("%d %d\n", value, passed);
    fflush(stdout);
    if (value == 42) longjmp(outer, 0);
    abort();
}
