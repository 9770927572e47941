/* A reactor: set up by `_initialize`, then run by `run`. The first argument says what it does. */
#include <stdint.h>

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t name
WASI(args_sizes_get)(uint32_t *, uint32_t *);
WASI(args_get)(char **, char *);
WASI(fd_write)(int32_t, const void *, uint32_t, uint32_t *);

static int ready;
static volatile int zero;

__attribute__((export_name("_initialize"))) void initialize(void) { ready = 1; }

static int grow(void) {
    unsigned long before = __builtin_wasm_memory_size(0), grown = 0;
    while (__builtin_wasm_memory_grow(0, 1) != (unsigned long)-1) grown++;
    return __builtin_wasm_memory_size(0) == before + grown && grown > 16 && grown < 64 ? 0 : 1;
}

/* What a file takes of the context, the memory cannot have too. */
static int fill(void) {
    static char block[4096];
    const struct { const void *base; uint32_t size; } vector = {block, sizeof block};
    uint32_t done;
    for (int blocks = 0; blocks < 200; blocks++)
        if (fd_write(1, &vector, 1, &done) != 0) return 1;
    return __builtin_wasm_memory_grow(0, 16) == (unsigned long)-1 && __builtin_wasm_memory_grow(0, 1) > 0 ? 0 : 2;
}

__attribute__((export_name("run"))) int run(void) {
    uint32_t count, size;
    char *words[8], bytes[64];
    if (!ready || args_sizes_get(&count, &size) != 0 || size > sizeof bytes) return 100;
    args_get(words, bytes);
    switch (words[count - 1][0]) {
    case 'r': return 42;
    case 't': __builtin_trap();
    case 'd': return 100 / zero;
    case 'b': return *(volatile int *)0x7ffffff0;
    case 'l': for (;;) zero = 0;
    case 'g': return grow();
    case 'f': return fill();
    default: return 101;
    }
}
