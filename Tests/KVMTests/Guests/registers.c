/* Reports the state that a function begins with, then spoils all of it and ends in the way of parameter 0. */
#include "guest.h"

/* In the order that StateTests.swift reads. */
static struct {
    u64 general[16]; /* rax rbx rcx rdx rsi rdi rbp rsp r8-r15 */
    u64 flags, fs_base, gs_base, selectors; /* ds es fs gs, 16 bits each */
    u32 mxcsr, x87_control, x87_status, x87_tags;
    u64 vectors; /* all 512-bit (256-bit, 128-bit) registers, mask registers and x87 registers together: or of all bits */
    u64 features; /* XCR0 */
} state __attribute__((used));

static u8 vectors[32 * 64] __attribute__((aligned(64)));
static u8 x87[512] __attribute__((aligned(64), used));
static u64 masks[8];
static u8 ones[64] __attribute__((aligned(64), used));

/* The entry, instead of guest.h's _start, which clears rbp. */
__attribute__((naked, used)) void take(void) {
    __asm__(
        "mov %rax, state(%rip)\n mov %rbx, state+8(%rip)\n mov %rcx, state+16(%rip)\n mov %rdx, state+24(%rip)\n"
        "mov %rsi, state+32(%rip)\n mov %rdi, state+40(%rip)\n mov %rbp, state+48(%rip)\n mov %rsp, state+56(%rip)\n"
        "mov %r8, state+64(%rip)\n mov %r9, state+72(%rip)\n mov %r10, state+80(%rip)\n mov %r11, state+88(%rip)\n"
        "mov %r12, state+96(%rip)\n mov %r13, state+104(%rip)\n mov %r14, state+112(%rip)\n mov %r15, state+120(%rip)\n"
        "pushf\n pop %rax\n mov %rax, state+128(%rip)\n"
        "mov %ds, state+152(%rip)\n mov %es, state+154(%rip)\n mov %fs, state+156(%rip)\n mov %gs, state+158(%rip)\n"
        "stmxcsr state+160(%rip)\n fxsave x87(%rip)\n"
        "call guest_start\n ud2");
}

static u64 xcr0(void) {
    u32 low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

#define VECTOR(move, name, n) #move " %%" #name #n ", " #n "*64(%0)\n"
#define EIGHT(m, r, a, b, c, d, e, f, g, h) \
    VECTOR(m, r, a) VECTOR(m, r, b) VECTOR(m, r, c) VECTOR(m, r, d) VECTOR(m, r, e) VECTOR(m, r, f) VECTOR(m, r, g) VECTOR(m, r, h)
#define LOAD(name, n) "vmovdqu64 (%0), %%" #name #n "\n"
#define LOAD8(r, a, b, c, d, e, f, g, h) LOAD(r, a) LOAD(r, b) LOAD(r, c) LOAD(r, d) LOAD(r, e) LOAD(r, f) LOAD(r, g) LOAD(r, h)

__attribute__((target("avx512f,avx512bw"))) static void take_avx512(void) {
    __asm__ volatile(
        EIGHT(vmovdqu64, zmm, 0, 1, 2, 3, 4, 5, 6, 7) EIGHT(vmovdqu64, zmm, 8, 9, 10, 11, 12, 13, 14, 15)
        EIGHT(vmovdqu64, zmm, 16, 17, 18, 19, 20, 21, 22, 23) EIGHT(vmovdqu64, zmm, 24, 25, 26, 27, 28, 29, 30, 31)
        "kmovq %%k0, (%1)\n kmovq %%k1, 8(%1)\n kmovq %%k2, 16(%1)\n kmovq %%k3, 24(%1)\n"
        "kmovq %%k4, 32(%1)\n kmovq %%k5, 40(%1)\n kmovq %%k6, 48(%1)\n kmovq %%k7, 56(%1)\n"
        ::"r"(vectors), "r"(masks) : "memory");
}

__attribute__((target("avx512f,avx512bw"))) static void spoil_avx512(void) {
    __asm__ volatile(
        LOAD8(zmm, 0, 1, 2, 3, 4, 5, 6, 7) LOAD8(zmm, 8, 9, 10, 11, 12, 13, 14, 15)
        LOAD8(zmm, 16, 17, 18, 19, 20, 21, 22, 23) LOAD8(zmm, 24, 25, 26, 27, 28, 29, 30, 31)
        "kmovq (%0), %%k0\n kmovq (%0), %%k1\n kmovq (%0), %%k2\n kmovq (%0), %%k3\n"
        "kmovq (%0), %%k4\n kmovq (%0), %%k5\n kmovq (%0), %%k6\n kmovq (%0), %%k7\n" ::"r"(ones) : "memory");
}

#define AVX(n) "vmovdqu (%0), %%ymm" #n "\n"
__attribute__((target("avx"))) static void spoil_avx(void) {
    __asm__ volatile(AVX(0) AVX(1) AVX(2) AVX(3) AVX(4) AVX(5) AVX(6) AVX(7) AVX(8) AVX(9) AVX(10) AVX(11) AVX(12)
                         AVX(13) AVX(14) AVX(15)::"r"(ones) : "memory");
}

__attribute__((target("avx"))) static void take_avx(void) {
    __asm__ volatile(EIGHT(vmovdqu, ymm, 0, 1, 2, 3, 4, 5, 6, 7) EIGHT(vmovdqu, ymm, 8, 9, 10, 11, 12, 13, 14, 15)::"r"(
                         vectors) : "memory");
}

static u64 or_of(const void *bytes, u64 size) {
    u64 all = 0;
    for (u64 i = 0; i < size / 8; i++) all |= ((const u64 *)bytes)[i];
    return all;
}

static void report(void) {
    state.features = xcr0();
    __asm__ volatile("rdfsbase %0\n rdgsbase %1" : "=r"(state.fs_base), "=r"(state.gs_base));
    state.x87_control = *(unsigned short *)x87;
    state.x87_status = *(unsigned short *)(x87 + 2);
    state.x87_tags = x87[4];
    if (state.features & 0xe0) take_avx512();
    else if (state.features & 4) take_avx();
    state.vectors = or_of(vectors, sizeof vectors) | or_of(masks, sizeof masks) | or_of(x87 + 32, 384);
    OUTPUT("state", &state, sizeof state);
}

static void spoil(void) {
    memset(ones, 0xa5, sizeof ones);
    static const u32 mxcsr = 0x7f3f; /* round to zero, flags set */
    static const unsigned short control = 0x0c7f;
    __asm__ volatile("fld1\n fldpi\n fldl2e\n fldcw %0\n ldmxcsr %1" ::"m"(control), "m"(mxcsr));
    if (state.features & 0xe0) spoil_avx512();
    else if (state.features & 4) spoil_avx();
    __asm__ volatile("wrfsbase %0\n wrgsbase %0" ::"r"(0x424242ull));
    __asm__ volatile("mov %0, %%ds\n mov %0, %%es" ::"r"(0x1b));
}

/* Leaves by `way` with every general register and flag set. */
__attribute__((noreturn)) static void go(u64 way, u64 exit_address) {
    static u64 target;
    target = exit_address;
#define FILL "mov $-1, %%rax\n mov %%rax, %%rbx\n mov %%rax, %%rcx\n mov %%rax, %%rdx\n mov %%rax, %%rsi\n mov %%rax, %%rdi\n" \
    "mov %%rax, %%rbp\n mov %%rax, %%r8\n mov %%rax, %%r9\n mov %%rax, %%r10\n mov %%rax, %%r11\n mov %%rax, %%r12\n"         \
    "mov %%rax, %%r13\n mov %%rax, %%r14\n mov %%rax, %%r15\n pushq $0x240cd7\n popf\n"
    switch (way) {
    case 0: __asm__ volatile(FILL "jmp *%0" ::"m"(target));
    case 1: __asm__ volatile(FILL "ud2" ::);
    case 2: __asm__ volatile(FILL "1: jmp 1b" ::);
    case 3: __asm__ volatile(FILL "in $0x10, %%al\n 1: mov $0x666, %%ebx\n jmp 1b" ::);
    case 4: __asm__ volatile(FILL "mov $0x10, %%edx\n mov $64, %%ecx\n lea ones(%%rip), %%rdi\n cld\n rep insb\n 1: jmp 1b" ::);
    case 5: __asm__ volatile(FILL "mov $0x10, %%edx\n mov $64, %%ecx\n lea ones(%%rip), %%rsi\n cld\n rep outsb\n 1: jmp 1b" ::);
    case 6: __asm__ volatile(FILL "pushq $0x102\n popf\n nop\n nop" ::);
    case 7: __asm__ volatile(FILL "int $32" ::);
    case 8: __asm__ volatile(FILL "mov $231, %%eax\n syscall" ::);
    case 9: __asm__ volatile(FILL "movb $1, 0" ::);
    default: __asm__ volatile(FILL "mov $0x1b, %%eax\n pushf\n orl $0x100, (%%rsp)\n popf\n mov %%eax, %%ss\n int3" ::);
    }
    __builtin_unreachable();
}

void guest_main(void) {
    report();
    spoil();
    go(parameter(0), entry->exit_address);
}
