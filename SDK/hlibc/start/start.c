/* From the platform's entry block to main, and back. */
#include "entry.h"
#include "arguments.h"
#include "../../freestanding/runtime.h"
#include "../core/memory.h"
#include "../core/vfs.h"
#include "../calls/calls.h"
#include <elf.h>

__attribute__((used, visibility("default"), aligned(16))) struct system_data __dandelion_system_data;

const dn_guest_entry *hl_entry_block;

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
int __libc_start_main(int (*)(), int, char **, void (*)(void), void (*)(void), void (*)(void));
int main();

#define AUXILIARY 14 /* words after the environment */

static void fill_auxiliary(size_t *to) {
    const size_t values[AUXILIARY] = {
        AT_PHDR, (size_t)&__ehdr_start + __ehdr_start.e_phoff, AT_PHENT, sizeof(Elf64_Phdr), AT_PHNUM,
        __ehdr_start.e_phnum, AT_PAGESZ, HL_PAGE, AT_RANDOM, (size_t)hl_entry_block->random, AT_CLKTCK, 100, AT_NULL, 0};
    memcpy(to, values, sizeof values);
}

__attribute__((used, noreturn)) void dandelion_start(const dn_guest_entry *block) {
    struct hl_arguments arguments;
    hl_entry_block = block;
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
    hl_standard_files();
    if (hl_collect() != 0) code = DANDELION_EXIT_OUT_OF_MEMORY;
    else dandelion_write_outputs();
    __dandelion_system_data.exit_code = code;
    dandelion_leave(hl_entry_block->exit_address);
}

void dandelion_exit(int code) { hl_leave(code); }

uint64_t dandelion_realtime_ns(void) { return hl_entry_block->realtime_ns; }

uint64_t dandelion_random(void) {
    uint64_t number;
    hl_getrandom((long)&number, sizeof number);
    return number;
}
