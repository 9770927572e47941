/* From the platform's entry block to main, and back. */
#include "arguments.h"
#include "../../freestanding/runtime.h"
#include "../core/memory.h"
#include "../core/vfs.h"
#include "../calls/calls.h"
#include <elf.h>

__attribute__((used, visibility("default"), aligned(16))) struct system_data __dandelion_system_data;

static const dn_guest_entry *entry_block; /* what the platform passed to this invocation */

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
int __libc_start_main(int (*)(), int, char **, void (*)(void), void (*)(void), void (*)(void));
int main();

#define AUXILIARY 14 /* words after the environment */

static void fill_auxiliary(size_t *to) {
    const size_t values[AUXILIARY] = {
        AT_PHDR, (size_t)&__ehdr_start + __ehdr_start.e_phoff, AT_PHENT, sizeof(Elf64_Phdr), AT_PHNUM,
        __ehdr_start.e_phnum, AT_PAGESZ, HL_PAGE, AT_RANDOM, (size_t)entry_block->random, AT_CLKTCK, 100, AT_NULL, 0};
    memcpy(to, values, sizeof values);
}

__attribute__((used, noreturn)) void dandelion_start(const dn_guest_entry *block) {
    struct hl_arguments arguments;
    entry_block = block;
    hl_random_start(block->random);
    hl_memory_start(__dandelion_system_data.heap_begin, __dandelion_system_data.heap_end);
    if (hl_mount() != 0 || hl_read_arguments(&arguments, AUXILIARY) != 0) {
        __dandelion_system_data.exit_code = DANDELION_EXIT_OUT_OF_MEMORY;
        dandelion_leave(block->exit_address);
    }
    fill_auxiliary((size_t *)arguments.auxiliary);
    __libc_start_main(main, arguments.count, arguments.vector, NULL, NULL, NULL);
    __builtin_unreachable();
}

void hl_leave(int code) {
    hl_memory_open_reserve();
    hl_standard_file(1);
    hl_standard_file(2);
    if (hl_collect() != 0) code = DANDELION_EXIT_OUT_OF_MEMORY;
    else dandelion_write_outputs();
    __dandelion_system_data.exit_code = code;
    dandelion_leave(entry_block->exit_address);
}

void dandelion_exit(int code) { hl_leave(code); }

bool hl_memory_claim(size_t bytes) { return bytes > 0; } /* all of the context is the function's */

uint64_t dandelion_realtime_ns(void) { return entry_block->realtime_ns; }

uint64_t dandelion_random(void) {
    uint64_t number;
    hl_random(&number, sizeof number);
    return number;
}
