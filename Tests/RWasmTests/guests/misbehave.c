/* Does what the first byte of its input says. */
#include "guest.h"

static volatile unsigned sink;
static void (*volatile pointers[4])(int);

/* Neither a loop nor in need of the stack in linear memory. */
__attribute__((noinline)) static unsigned deep(unsigned n) {
    if (n == 0) return 0;
    unsigned below = deep(n + sink + 1);
    return below << 1 ^ below >> 3 ^ sink;
}
static int wrong_type(int a, int b) { return a + b; }

void EXPORT("_start") _start(void) {
    switch (*(const unsigned char *)input(0, 0)->data) {
        case 't': __builtin_trap();
        case 'b': sink = *(volatile unsigned *)(__dandelion_system_data.heap_end + 4096); break;
        case 'w': *(volatile unsigned *)0xfffffff0 = 1; break;
        case 'd': sink = input(0, 0)->data_len * 100 / sink; break; /* it is 0 */
        case 's': sink = deep(1); break;
        case 'l': for (;;) sink++;
        case 'n': pointers[0](1); break;
        case 'i':
            pointers[1] = (void (*)(int))(void (*)(void))wrong_type;
            pointers[1](1);
            break;
        case 'g': sink = __builtin_wasm_memory_grow(0, 100000) == (unsigned long)-1; break;
        default: break;
    }
    output(__dandelion_system_data.output_sets ? "fine" : "", 4);
}
