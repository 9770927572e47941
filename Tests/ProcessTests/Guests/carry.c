/* Leaves what it found of its processor and its memory when it began, then changes all of that which it can, and ends.
 * Parameter 0 says how it ends, 1 is the control page (dp_layout.h), 2 the zygote's stack, 3 how many words of its image it
 * changes. SEED makes two of a kind; LARGE
 * makes the image one that is mapped. */
#define START_OF_ITS_OWN
#include "guest.h"

#include <cpuid.h>

#ifndef SEED
#define SEED 1
#endif
#ifdef LARGE
#define WORDS (256 * 1024)
#else
#define WORDS 2048
#endif

#define KIND 0x4d41524bull
#define MARK (KIND << 32 | SEED)
#define ORIGINAL 0x1234567890abcdefull

static u64 seen[32];
static u8 state[12288] __attribute__((aligned(64)));
__attribute__((used)) static u8 other[12288] __attribute__((aligned(64)));
static u64 found[5];
static u64 words[WORDS] = {[0 ... WORDS - 1] = ORIGINAL};
__attribute__((used)) static u64 frame[5];
__attribute__((used)) static u64 mask;
__attribute__((used)) static u64 page;

__attribute__((naked, noreturn)) void _start(void) {
    __asm__("mov %rax, seen\n mov %rbx, seen+8\n mov %rcx, seen+16\n mov %rdx, seen+24\n mov %rsi, seen+32\n"
            "mov %rdi, seen+40\n mov %rbp, seen+48\n mov %rsp, seen+56\n mov %r8, seen+64\n mov %r9, seen+72\n"
            "mov %r10, seen+80\n mov %r11, seen+88\n mov %r12, seen+96\n mov %r13, seen+104\n mov %r14, seen+112\n"
            "mov %r15, seen+120\n pushfq\n pop %rax\n mov %rax, seen+128\n"
            "xor %eax, %eax\n mov %ds, %ax\n mov %rax, seen+136\n mov %es, %ax\n mov %rax, seen+144\n"
            "mov %fs, %ax\n mov %rax, seen+152\n mov %gs, %ax\n mov %rax, seen+160\n mov %ss, %ax\n mov %rax, seen+168\n"
            "mov %cs, %ax\n mov %rax, seen+176\n rdfsbase %rax\n mov %rax, seen+184\n rdgsbase %rax\n"
            "mov %rax, seen+192\n mov $-1, %eax\n mov $-1, %edx\n xsave64 state\n call guest_start\n ud2");
}

/* Words that a function of this kind left. */
static u64 count(u64 from, u64 to) {
    u64 sum = 0;
    for (u64 at = (from + 7) & ~7ull; at + 8 <= to; at += 8) sum += *(const volatile u64 *)at >> 32 == KIND;
    return sum;
}

static void fill(u64 from, u64 to) {
    for (u64 at = (from + 7) & ~7ull; at + 8 <= to; at += 8) *(volatile u64 *)at = MARK;
}

/* Other values than those at a start in every register that XRSTOR sets: x87 with an exception that is not masked and waits,
 * MXCSR with another rounding, and protection keys that forbid those which nobody uses. */
static void make_state(void) {
    u32 eax, ebx, ecx, edx;
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    mask = eax & 0x2e7;
    for (u64 i = 0; i < sizeof other; i++) other[i] = 0xa5;
    for (u64 i = 512; i < 576; i++) other[i] = 0;
    *(u64 *)(other + 512) = mask;
    *(uint16_t *)other = 0x0f7e;
    *(uint16_t *)(other + 2) = 0x8081;
    *(u32 *)(other + 24) = 0x7fbf & ~0x40u;
    *(u32 *)(other + 28) = 0;
    if (mask & 1 << 9 && __get_cpuid_count(13, 9, &eax, &ebx, &ecx, &edx)) *(u32 *)(other + ebx) = 0xfffffffc;
}

/* Sets every register, then goes where `frame` says with its flags. */
__attribute__((naked, noreturn)) static void go(void) {
    __asm__("mov mask, %eax\n xor %edx, %edx\n mov $other, %edi\n xrstor64 (%rdi)\n"
            "mov $0x2b, %eax\n mov %eax, %ds\n mov %eax, %es\n mov %eax, %fs\n mov %eax, %gs\n"
            "movabs $0x4d41524b1234, %rax\n wrfsbase %rax\n wrgsbase %rax\n"
            "mov %rax, %rbx\n mov %rax, %rcx\n mov %rax, %rdx\n mov %rax, %rbp\n mov %rax, %r8\n mov %rax, %r9\n"
            "mov %rax, %r10\n mov %rax, %r11\n mov %rax, %r12\n mov %rax, %r13\n mov %rax, %r14\n mov %rax, %r15\n"
            "mov page, %rdi\n add $8, %rdi\n mov $1, %esi\n mov $202, %eax\n mov $frame, %esp\n iretq");
}

__attribute__((naked)) static void interrupt(void) { __asm__("int $0x20\n ud2"); }
__attribute__((naked)) static void interrupt32(void) { __asm__(".code32\n int $0x20\n ud2\n .code64"); }
__attribute__((naked)) static void exit_group(void) { __asm__("mov $231, %eax\n syscall\n ud2"); }
__attribute__((naked)) static void fault(void) { __asm__("mov 0, %rax\n ud2"); }
__attribute__((naked)) static void loop(void) { __asm__("1: jmp 1b"); }
__attribute__((naked)) static void call(void) { __asm__("mov $39, %eax\n syscall\n ud2"); }

static u64 wake_of_the_gate(void) {
    const volatile u8 *gate = (const volatile u8 *)entry->exit_address;
    for (u64 i = 0; i < 0x60; i++)
        if (gate[i] == 0x0f && gate[i + 1] == 0x05) return entry->exit_address + i;
    return 0;
}

__attribute__((noreturn)) static void end(u64 how) {
    /* All flags that user code can set but the nested task's, with which there is no iretq. */
    u64 selector, flags = 0x240cd7, stack = (u64)__builtin_frame_address(0) - 512;
    u64 target = entry->exit_address;
    __asm__ volatile("mov %%cs, %0" : "=r"(selector));
    switch (how) {
    case 0: flags = 0x202; break;
    case 1: break;
    case 2: target = (u64)interrupt; break;
    case 3: target = (u64)exit_group; break;
    case 4: /* the trap flag is set at the call itself */
        target = wake_of_the_gate();
        flags |= 0x4100;
        break;
    case 5:
        target = (u64)interrupt32;
        selector = 0x23;
        break;
    case 6: stack = page + 0x4000 + 0x800; break; /* on the stack of signals, with room for none */
    case 7: target = (u64)fault; break;
    case 8: target = (u64)loop; break;
    default: target = (u64)call; break;
    }
    frame[0] = target, frame[1] = selector, frame[2] = flags, frame[3] = stack & ~15ull, frame[4] = 0x2b;
    go();
}

void guest_main(void) {
    u64 how = parameter(0), zygote_stack = parameter(2), changed = parameter(3);
    u64 begin = __dandelion_system_data.heap_begin, limit = __dandelion_system_data.heap_end;
    u64 stack = (u64)__builtin_frame_address(0) - 4096;
    page = parameter(1);
    found[0] = count(begin, limit);
    found[1] = count(entry->stack_low, entry->stack_high);
    found[2] = count(page, page + 0x14000);
    found[3] = count(zygote_stack, zygote_stack + 0x2000);
    for (u64 i = 0; i < WORDS; i++) found[4] += ((volatile u64 *)words)[i] != ORIGINAL;
    OUTPUT("registers", seen, sizeof seen);
    OUTPUT("state", state, sizeof state);
    OUTPUT("memory", found, sizeof found);
    __dandelion_system_data.exit_code = 0;
    make_state();
    fill(begin, limit);
    fill(entry->stack_low, stack);
    fill(page, page + 8); /* and not the word that tells of the end */
    fill(page + 16, page + 0x14000);
    for (u64 i = 0; i < WORDS && i < changed; i++) ((volatile u64 *)words)[i] = MARK;
    *(volatile u32 *)(page + 0x30) = 0; /* dp_fault.signal: it left as functions do */
    end(how);
}
