/* The debug backend: what a platform does for a function, by a function's own Linux process, so that debuggers work.
 * Only the files of this folder make system calls; the rest of the program is the one that runs on a node. */
#include "linux.h"
#include <dandelion/guest.h>
#include "../../freestanding/runtime.h"
#include "../core/vfs.h"
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MEBIBYTE ((size_t)1 << 20)
#define MEMORY ((size_t)1024) /* mebibytes, where DANDELION_MEMORY says nothing */

__attribute__((noreturn)) void dandelion_start(const dn_guest_entry *block);

#if defined(__x86_64__)
__asm__(".globl dandelion_debug_start\n"
        "dandelion_debug_start:\n"
        "    movq %rsp, %rdi\n"
        "    andq $-16, %rsp\n"
        "    xorl %ebp, %ebp\n"
        "    callq dandelion_debug_main\n"
        "    ud2\n");
#else
__asm__(".globl dandelion_debug_start\n"
        "dandelion_debug_start:\n"
        "    mov x0, sp\n"
        "    mov x29, xzr\n"
        "    bl dandelion_debug_main\n"
        "    brk #1\n");
#endif

/* In the place of the node's: valgrind does not know the instruction that sets the register on x86-64. */
__attribute__((visibility("hidden"))) int __set_thread_area(void *pointer) {
#if defined(__x86_64__)
    const long ARCH_SET_FS = 0x1002; /* arch_prctl(2) */
    return (int)hl_linux(SYS_arch_prctl, ARCH_SET_FS, (long)pointer, 0, 0, 0, 0);
#else
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(pointer) : "memory");
    return 0;
#endif
}

__attribute__((noreturn)) static void leave(void) {
    int code = __dandelion_system_data.exit_code;
    if (code < 0 || code > 255) hl_debug_fail("is too small for this function", "DANDELION_MEMORY", 0);
    size_t length;
    const void *trace = dandelion_reported_trace(&length);
    hl_debug_write_outputs();
    hl_debug_write(2, trace, length);
    for (;;) hl_linux(SYS_exit_group, code, 0, 0, 0, 0, 0);
}

static const char *variable(char **environment, const char *name) {
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') return *environment + length + 1;
    return NULL;
}

static size_t memory_size(const char *mebibytes) {
    size_t number = 0;
    if (!mebibytes) return MEMORY * MEBIBYTE;
    for (; *mebibytes >= '0' && *mebibytes <= '9' && number < MEBIBYTE; mebibytes++)
        number = number * 10 + (size_t)(*mebibytes - '0');
    if (*mebibytes || number == 0 || number > MEBIBYTE) hl_debug_fail("is no number of mebibytes", "DANDELION_MEMORY", 0);
    return number * MEBIBYTE;
}

/* The kernel's stack grows down to its limit. */
static uintptr_t stack_low(const long *stack) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    hl_linux(SYS_prlimit64, 0, RLIMIT_STACK, 0, (long)&limit, 0, 0);
    size_t size = limit.rlim_cur > 64 * MEBIBYTE ? 8 * MEBIBYTE : (size_t)limit.rlim_cur;
    return ((uintptr_t)stack - size + MEBIBYTE / 4) & ~(uintptr_t)4095;
}

static uint64_t now(long clock) {
    struct timespec time = {0, 0};
    hl_linux(SYS_clock_gettime, clock, (long)&time, 0, 0, 0, 0);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* The speed of the processor's counter: on x86-64 measured for a millisecond. */
static uint64_t counter_hz(void) {
#if defined(__x86_64__)
    uint64_t begin = now(CLOCK_MONOTONIC), first = __builtin_ia32_rdtsc(), passed;
    while ((passed = now(CLOCK_MONOTONIC) - begin) < 1000000) {}
    return (__builtin_ia32_rdtsc() - first) * 1000000000 / passed;
#else
    uint64_t hz;
    __asm__("mrs %0, cntfrq_el0" : "=r"(hz));
    return hz;
#endif
}

static void set_up_outputs(const char *list) {
    static struct hl_debug_sets found;
    hl_debug_find_sets(&found, list, "output_sets");
    bool none = found.count == 0 || (found.count == 1 && memcmp(found.set[0].name, "stdio", 5) == 0);
    if (none) hl_debug_add_set(&found, "out", 3);
    hl_debug_add_set(&found, "stdio", 5);
    struct set *sets = hl_debug_take((found.count + 1) * sizeof *sets);
    for (size_t i = 0; i < found.count; i++) sets[i] = (struct set){found.set[i].name, found.set[i].length, 0};
    __dandelion_system_data.output_set_count = found.count;
    __dandelion_system_data.output_sets = sets;
}

/* The stack is as execve(2) leaves it: argc, argv, NULL, environment, NULL. */
__attribute__((used, noreturn)) void dandelion_debug_main(long *stack) {
    static dn_guest_entry block;
    static struct hl_debug_sets inputs;
    char **arguments = (char **)(stack + 1), **environment = arguments + stack[0] + 1;
    hl_debug_find_sets(&inputs, variable(environment, "DANDELION_INPUTS"), "input_sets");
    hl_debug_add_set(&inputs, "stdio", 5);
    hl_debug_read_inputs(&inputs, (int)stack[0], arguments);
    set_up_outputs(variable(environment, "DANDELION_OUTPUTS"));
    size_t size = memory_size(variable(environment, "DANDELION_MEMORY"));
    __dandelion_system_data.exit_code = -1;
    __dandelion_system_data.heap_begin = hl_debug_map(size);
    __dandelion_system_data.heap_end = __dandelion_system_data.heap_begin + size;
    block = (dn_guest_entry){
        .magic = DN_GUEST_ENTRY_MAGIC, .struct_size = sizeof block, .exit_address = (uintptr_t)leave,
        .system_data = (uintptr_t)&__dandelion_system_data, .stack_low = stack_low(stack), .stack_high = (uintptr_t)stack,
        .realtime_ns = now(CLOCK_REALTIME), .counter_hz = counter_hz()};
    hl_linux(SYS_getrandom, (long)block.random, sizeof block.random, 0, 0, 0, 0);
    hl_console = hl_debug_console;
    dandelion_start(&block);
}
