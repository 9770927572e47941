/* Leaves and sets its thread pointer as functions of the original's Morello build do: by the sealed pair that it finds in
 * its own data. It gets no entry block. */
#define START_OF_ITS_OWN
#include "guest.h"
#include "words.h"

#if defined(ODD_SLOT)
__asm__(".data\n .balign 16\n .quad 0\n .globl __dandelion_return_address\n __dandelion_return_address: .quad 0, 0, 0\n .text");
#else
__attribute__((used, aligned(16))) u64 __dandelion_return_address[2];
#endif

static u64 thread_block[4] = {0x1122334455667788};

__attribute__((naked, noreturn)) void _start(void) {
    __asm__("bl original_main\n"
            "adrp x8, __dandelion_return_address\n add x8, x8, :lo12:__dandelion_return_address\n"
            ASM(LDR_C(0, 8, 0)) "\n" ASM(LDPBR(29, 0)));
}

__attribute__((used)) void original_main(void) {
    u64 base;
    __asm__ volatile("msr tpidr_el0, %1\n mrs %0, tpidr_el0" : "=r"(base) : "r"(thread_block));
    OUTPUT("thread", (void *)base, 8);
    __dandelion_system_data.exit_code = 42;
}

void guest_main(void) {}
