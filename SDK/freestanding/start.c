/* Entry and exit of an image. The platform passes the entry block's address as first argument, on any stack. */
#include "runtime.h"

__attribute__((used, visibility("default"), aligned(16))) struct system_data __dandelion_system_data;

static const dn_guest_entry *entry;
static uint64_t random_state[4];

/* Where dandelion_leave returns to when the platform named no exit address. */
__attribute__((used)) void *dandelion_entry_stack;

#if defined(__x86_64__)
__asm__(".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "    pushq %rbx\n"
        "    pushq %rbp\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, dandelion_entry_stack(%rip)\n"
        "    andq $-16, %rsp\n"
        "    xorl %ebp, %ebp\n"
        "    callq dandelion_start\n"
        "    ud2\n"
        ".size _start, . - _start\n"
        ".globl dandelion_leave\n"
        ".type dandelion_leave, @function\n"
        "dandelion_leave:\n"
        "    testq %rdi, %rdi\n"
        "    jz 1f\n"
        "    jmpq *%rdi\n"
        "1:  movq dandelion_entry_stack(%rip), %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbp\n"
        "    popq %rbx\n"
        "    retq\n"
        ".size dandelion_leave, . - dandelion_leave\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        ".type _start, %function\n"
        "_start:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    adrp x9, dandelion_entry_stack\n"
        "    mov x10, sp\n"
        "    str x10, [x9, :lo12:dandelion_entry_stack]\n"
        "    mov x29, xzr\n"
        "    bl dandelion_start\n"
        "    brk #1\n"
        ".size _start, . - _start\n"
        ".globl dandelion_leave\n"
        ".type dandelion_leave, %function\n"
        "dandelion_leave:\n"
        "    cbz x0, 1f\n"
        "    br x0\n"
        "1:  adrp x9, dandelion_entry_stack\n"
        "    ldr x10, [x9, :lo12:dandelion_entry_stack]\n"
        "    mov sp, x10\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size dandelion_leave, . - dandelion_leave\n");
#else
#error "the freestanding runtime has no entry for this target"
#endif

__attribute__((used, noreturn)) void dandelion_start(const dn_guest_entry *block) {
    entry = block;
    for (int i = 0; i < 4; i++) random_state[i] = block->random[i];
    dandelion_exit(main());
}

__attribute__((noreturn)) void dandelion_exit(int code) {
    dandelion_write_outputs();
    __dandelion_system_data.exit_code = code;
    dandelion_leave(entry->exit_address);
}

uint64_t dandelion_realtime_ns(void) { return entry->realtime_ns; }

static uint64_t rotated(uint64_t word, int bits) { return word << bits | word >> (64 - bits); }

/* xoshiro256**, Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2018). */
uint64_t dandelion_random(void) {
    uint64_t *s = random_state;
    uint64_t result = rotated(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotated(s[3], 45);
    return result;
}
