/* Makes a WebAssembly module in the original's raw form of a function written to <dandelion/function.h>: one input
 * item, one output item, memory from the host. The same module runs in our RWasm class and in wasmtime. */
#include <dandelion/function.h>
#include <dandelion/guest.h>

#define EXPORT(name) __attribute__((export_name(name), visibility("default")))

int function_main(void);

extern dn_guest_system32 __dandelion_system_data;
dn_guest_system32 __dandelion_system_data = {0};

static uint32_t heap;

/* The 32-bit descriptor has the layout of dandelion_item. */
dandelion_item *dandelion_input(size_t set, size_t index) {
    const dn_guest_set32 *sets = (const dn_guest_set32 *)(uintptr_t)__dandelion_system_data.input_sets;
    if (set >= __dandelion_system_data.input_sets_len || index >= sets[set + 1].offset - sets[set].offset) return NULL;
    return (dandelion_item *)(uintptr_t)__dandelion_system_data.input_items + sets[set].offset + index;
}

int dandelion_output(size_t set, const dandelion_item *item) {
    static dandelion_item copy;
    if (set != 0) return -1;
    copy = *item;
    dn_guest_set32 *sets = (dn_guest_set32 *)(uintptr_t)__dandelion_system_data.output_sets;
    sets[0].offset = 0;
    sets[1].offset = 1;
    __dandelion_system_data.output_items = (uint32_t)(uintptr_t)&copy;
    return 0;
}

void *dandelion_allocate(size_t size) {
    if (heap == 0) heap = (__dandelion_system_data.heap_begin + 15) & ~15u;
    size = (size + 15) & ~15u;
    if (__dandelion_system_data.heap_end - heap < size) return NULL;
    heap += size;
    return (void *)(uintptr_t)(heap - size);
}

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    for (size_t i = 0; i < length; i++) ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

void EXPORT("_start") _start(void) { __dandelion_system_data.exit_code = function_main(); }
