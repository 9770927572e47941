/* Accesses at the end of the memory, each as wide as the first byte of the input says: the last that fits, or, after the
 * byte '!', the first that does not. */
#include "guest.h"

#include <wasm_simd128.h>

typedef volatile unsigned char *bytes;
static volatile unsigned long long sink;
static volatile v128_t vector;

void EXPORT("_start") _start(void) {
    bytes text = (bytes)input(0, 0)->data, end = (bytes)(__builtin_wasm_memory_size(0) * 65536ul);
    unsigned beyond = text[0] == '!';
    switch (text[beyond]) {
    case '1': sink = end[-1 + (int)beyond]; break;
    case '2': sink = *(volatile unsigned short *)(end - 2 + beyond); break;
    case '4': sink = *(volatile unsigned *)(end - 4 + beyond); break;
    case '8': sink = *(volatile unsigned long long *)(end - 8 + beyond); break;
    case 'b': end[-1 + (int)beyond] = 1; break;
    case 'w': *(volatile unsigned long long *)(end - 8 + beyond) = 1; break;
    case 'v': vector = *(volatile v128_t *)(end - 16 + beyond); break;
    case 'V': *(volatile v128_t *)(end - 16 + beyond) = wasm_i8x16_splat(1); break;
    case 'f': __builtin_memset((void *)(end - 1000 + beyond), 1, 1000); break;
    case 'c': __builtin_memmove((void *)(end - 1000 + beyond), (void *)text, 1000); break;
    }
    output("fine", 4);
}
