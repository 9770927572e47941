/* The beginning and the end of an invocation. */
#include "../../freestanding/runtime.h"
#include "../core/memory.h"
#include "wasi.h"

__attribute__((used, visibility("default"), aligned(16))) struct system_data __dandelion_system_data;

static const dn_guest_entry *entry_block;

const dn_guest_entry *dandelion_entry_block(void) { return entry_block; }

/* The C library's; there when the program has streams of <stdio.h>. */
void __stdio_exit(void) __attribute__((weak));

void dandelion_flush(void) {
    if (__stdio_exit) __stdio_exit();
}

/* There is no counter: the function's own time stands for the processor's. */
uint64_t hl_processor_time(void) { return hl_counted(); }

int32_t wasi_begin(const dn_guest_entry *entry) {
    entry_block = entry;
    if (entry) hl_random_start(entry->random);
    hl_memory_start(__dandelion_system_data.heap_begin, __dandelion_system_data.heap_end);
    return hl_mount();
}

void wasi_finish(int32_t code) {
    hl_memory_open_reserve();
    hl_standard_file(1);
    hl_standard_file(2);
    if (hl_collect() != 0) code = DANDELION_EXIT_OUT_OF_MEMORY;
    else dandelion_write_outputs();
    __dandelion_system_data.exit_code = code;
}

void wasi_leave(int32_t code) {
    wasi_finish(code);
    __builtin_trap();
}

void dandelion_exit(int code) { wasi_leave(code); }

uint64_t dandelion_realtime_ns(void) { return entry_block ? entry_block->realtime_ns : 0; }

uint64_t dandelion_random(void) {
    uint64_t number;
    hl_random(&number, sizeof number);
    return number;
}
