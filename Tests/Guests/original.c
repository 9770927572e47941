/* Leaves and sets its thread pointer as functions of the original do: 0 as its process build, 1 as its KVM build. */
#include "guest.h"

static u64 thread_block[4] = {0x1122334455667788};

void guest_main(void) {
    u64 value, base = (u64)thread_block, result = 158, kept = 0x5a5a;
    __dandelion_system_data.exit_code = 42;
    if (parameter(0) == 0) {
        __asm__ volatile("movq %1, %%xmm7\n syscall\n movq %%xmm7, %1"
                         : "+a"(result), "+r"(kept)
                         : "D"(0x1002), "S"(base)
                         : "rcx", "r11", "memory", "xmm7");
        if (result != 0 || kept != 0x5a5a) leave(1);
    } else {
        __asm__ volatile("wrfsbase %0" ::"r"(base));
    }
    __asm__ volatile("movq %%fs:0, %0" : "=r"(value));
    if (value != thread_block[0]) leave(2);
    OUTPUT("thread", &thread_block[0], 8);
    if (parameter(0) == 0) __asm__ volatile("syscall" ::"a"(231), "D"(0) : "rcx", "r11", "memory");
    if (parameter(0) == 1) __asm__ volatile("int $32" ::: "memory");
    leave(3);
}
