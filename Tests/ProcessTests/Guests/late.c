/* Leaves in ways that would let it, or the kernel on its behalf, go on after the host was woken. Parameter 0 says how,
 * 1 is the control page (dp_layout.h). The output is a region of `size` bytes that holds '.', or its own thread id. */
#include "guest.h"

static u64 page;
static u8 region[1 << 16] __attribute__((aligned(1 << 18))); /* so that half its address is memory, too */
static u64 context[64] __attribute__((aligned(64)));
static u8 floating[512] __attribute__((aligned(64)));

/* Where the gate's first and last system call instruction are. */
static u64 gate_call(int last) {
    const volatile u8 *gate = (const volatile u8 *)entry->exit_address;
    u64 found = 0;
    for (u64 i = 0; i < 0x60; i++) {
        if (gate[i] != 0x0f || gate[i + 1] != 0x05) continue;
        found = entry->exit_address + i;
        if (!last) break;
    }
    return found;
}

/* Wakes the host with the trap flag set, so that a trap comes when the call returns, on the stack of its choice. */
__attribute__((noreturn)) static void trap_behind_the_wake(u64 stack) {
    u64 frame[5] = {gate_call(0), 0, 0x102, stack, 0};
    __asm__ volatile("mov %%cs, %%ecx\n mov %%rcx, 8(%%rax)\n mov %%ss, %%ecx\n mov %%rcx, 32(%%rax)\n"
                     "mov %%rax, %%rsp\n mov $202, %%eax\n xor %%r10d, %%r10d\n iretq" ::"a"(frame),
                     "D"(page + 8), "S"(1L), "d"(1L)
                     : "memory");
    __builtin_unreachable();
}

/* The same by way of a return from a signal that never came: the alternate stack is the region. */
__attribute__((noreturn)) static void return_from_no_signal(void) {
    *(unsigned short *)floating = 0x37f;
    *(u32 *)(floating + 24) = 0x1f80;
    context[2] = (u64)region + 4096;
    context[4] = 0x8000;
    u64 *registers = context + 5;
    registers[8] = page + 8;
    registers[9] = registers[12] = 1;
    registers[13] = 202;
    registers[15] = (u64)region + sizeof region - 64;
    registers[16] = gate_call(0);
    registers[17] = 0x102;
    registers[18] = 0x002b000000000033;
    registers[23] = (u64)floating;
    __asm__ volatile("mov %0, %%rsp\n jmp *%1" ::"r"(context), "r"(gate_call(1)), "a"(15L) : "memory");
    __builtin_unreachable();
}

/* Lists for the kernel to walk at a death (set_robust_list(2)), wherever on the control page it may look for one: each
 * word of the region that holds the thread's id would be marked. */
static void forge_lists(void) {
    volatile u64 *node = (volatile u64 *)((u64)region / 2 & ~7ull);
    u32 thread = *(volatile u32 *)(page + 8) & 0x3fffffff;
    for (u64 i = 0; i < sizeof region / 4; i++) ((volatile u32 *)region)[i] = thread;
    *node = (u64)node;
    for (u64 i = 24; i < 4096; i += 8) *(volatile u64 *)(page + i) = (u64)node;
}

void guest_main(void) {
    u64 how = parameter(0), target = parameter(2);
    page = parameter(1);
    __dandelion_system_data.exit_code = 0;
    for (u64 i = 0; i < sizeof region; i++) region[i] = '.';
    OUTPUT("region", region, sizeof region);
    NOTE_ADDRESS(region);
    if (how == 1) trap_behind_the_wake((u64)region + sizeof region - 64);
    if (how == 2) return_from_no_signal();
    if (how == 3) {
        forge_lists();
        trap_behind_the_wake(page + 4096 + 64); /* no room for a signal frame: it dies */
    }
    if (how == 4) { /* no word to sleep on */
        for (u64 i = 12; i < 4096; i += 4) *(volatile u32 *)(page + i) = 1;
    }
    if (how == 5) *(volatile u64 *)target = 1;
}
