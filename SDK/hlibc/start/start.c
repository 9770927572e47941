/* From the platform's entry block to main, and back. */
#include "again.h"
#include "arguments.h"
#include "processor.h"
#include "stack.h"
#include "../../freestanding/runtime.h"
#include "../core/memory.h"
#include "../core/vfs.h"
#include "../calls/calls.h"
#include <dandelion/program.h>
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

__attribute__((used, visibility("default"), aligned(16))) struct system_data __dandelion_system_data;

static const dn_guest_entry *entry_block; /* what the platform passed to this invocation */

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
int __libc_start_main(int (*)(), int, char **, void (*)(void), void (*)(void), void (*)(void));
int main();

#define AUXILIARY 24     /* words after the environment */
#define CANNOT_BEGIN 126 /* the exit code of a shell that cannot begin a program */

static int argument_count;
char **hl_arguments;
size_t *hl_auxiliary, hl_auxiliary_size;

static void fill_auxiliary(size_t *to) {
    const size_t values[AUXILIARY] = {
        AT_PHDR, (size_t)&__ehdr_start + __ehdr_start.e_phoff, AT_PHENT, sizeof(Elf64_Phdr), AT_PHNUM,
        __ehdr_start.e_phnum, AT_PAGESZ, HL_PAGE, AT_RANDOM, (size_t)entry_block->random, AT_CLKTCK, 100, AT_ENTRY,
        __ehdr_start.e_entry, AT_UID, 0, AT_EUID, 0, AT_EXECFN, (size_t)hl_arguments[0], AT_SECURE, 0, AT_NULL, 0};
    memcpy(to, values, sizeof values);
    hl_auxiliary = to;
    hl_auxiliary_size = sizeof values;
}

/* Threads have stacks as large as the memory allows many of. */
extern unsigned __default_stacksize __attribute__((visibility("hidden"), weak));

static void size_thread_stacks(void) {
    size_t part = hl_pages_total() * HL_PAGE / 64, most = (size_t)8 << 20, least = (size_t)256 << 10;
    if (&__default_stacksize) __default_stacksize = (unsigned)((part > most ? most : part < least ? least : part) & ~(HL_PAGE - 1));
}

const dn_guest_entry *dandelion_entry_block(void) { return entry_block; }

/* musl's; there when the program has streams of <stdio.h>. */
void __stdio_exit(void) __attribute__((weak));

void dandelion_flush(void) {
    if (__stdio_exit) __stdio_exit();
}

static const char *variable(const char *name) {
    size_t length = strlen(name);
    for (char **at = hl_arguments + argument_count + 1; *at; at++)
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') return *at + length + 1;
    return NULL;
}

/* The folder is made when it is not there. */
static void enter_working_directory(void) {
    const char *path = variable("PWD");
    struct hl_node *directory;
    if (!path || path[0] != '/' || !path[1]) return;
    if (hl_make_directories(path, strlen(path), &directory) != 0 || hl_chdir((long)path) != 0)
        hl_die("cannot work in the folder ", path, CANNOT_BEGIN);
}

static bool clock_of_processor;

static void choose_clock(void) {
    const char *clock = variable("DANDELION_CLOCK");
    bool follow = clock ? strcmp(clock, "processor") == 0 : clock_of_processor;
    if (follow && hl_processor_counts()) hl_clock_follow_processor();
}

void dandelion_follow_processor(void) {
    clock_of_processor = true;
    choose_clock();
}

__attribute__((noreturn)) static void out_of_memory(void) {
    __dandelion_system_data.exit_code = DANDELION_EXIT_OUT_OF_MEMORY;
    dandelion_leave(entry_block->exit_address);
}

static void read_arguments(void) {
    struct hl_arguments arguments;
    if (hl_read_arguments(&arguments, HL_USUAL, AUXILIARY) != 0) out_of_memory();
    hl_arguments = arguments.vector;
    argument_count = arguments.count;
    fill_auxiliary((size_t *)arguments.auxiliary);
    enter_working_directory();
    choose_clock();
}

__attribute__((noreturn)) static void begin(void) {
    if (hl_mount() != 0) out_of_memory();
    read_arguments();
    size_thread_stacks();
    __libc_start_main(main, argument_count, hl_arguments, NULL, NULL, NULL);
    __builtin_unreachable();
}

__attribute__((used, noreturn)) void dandelion_start(const dn_guest_entry *block) {
    int error = 0;
    entry_block = block;
    if (hl_resume) hl_resume();
    hl_processor_start(block);
    hl_random_start(block->random);
    hl_memory_start(__dandelion_system_data.heap_begin, __dandelion_system_data.heap_end);
    char *stack = hl_stack_start(block, &error);
    if (error) out_of_memory();
    if (stack) hl_stack_enter(stack, begin);
    begin();
}

void hl_depart(void) {
    __dandelion_system_data.exit_code = 0;
    dandelion_leave(entry_block->exit_address);
}

void hl_begin_again(int *argc, char ***argv) {
    hl_processor_start(entry_block);
    hl_random_start(entry_block->random);
    hl_memory_grow_past(__dandelion_system_data.heap_begin, __dandelion_system_data.heap_end);
    hl_mount_again();
    hl_reopen_standard();
    dandelion_report();
    read_arguments();
    environ = hl_arguments + argument_count + 1;
    *argc = argument_count;
    *argv = hl_arguments;
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
