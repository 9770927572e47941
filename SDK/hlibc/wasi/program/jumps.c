/* What clang calls for setjmp and longjmp, which it makes exceptions of: a jump is one, with a tag of its own, that each
 * function with a setjmp catches and throws on when the buffer is not one of its. */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#define LONGJMP_TAG 1 /* __c_longjmp */

struct buffer {
    void *invocation; /* of the function that called setjmp */
    uint32_t label;   /* of the call there */
    struct { void *buffer; int value; } thrown;
};
_Static_assert(sizeof(struct buffer) <= sizeof(jmp_buf), "setjmp.h");

void __wasm_setjmp(void *to, uint32_t label, void *invocation) {
    struct buffer *buffer = to;
    buffer->invocation = invocation;
    buffer->label = label;
}

uint32_t __wasm_setjmp_test(void *from, void *invocation) {
    const struct buffer *buffer = from;
    return buffer->invocation == invocation ? buffer->label : 0;
}

_Noreturn void __wasm_longjmp(void *to, int value) {
    struct buffer *buffer = to;
    buffer->thrown.buffer = to;
    buffer->thrown.value = value == 0 ? 1 : value;
    __builtin_wasm_throw(LONGJMP_TAG, &buffer->thrown);
}
