/* Makes a system call: parameters are the instruction, the number and the first three arguments. */
#include "guest.h"

extern const char at_syscall[], at_int80[], at_sysenter[], at_low_sysenter[];

/* Linux reads an argument of sysenter from the stack, which it takes to be below 4 GiB. */
static u64 low_stack[64];

void guest_main(void) {
    u64 how = parameter(0), number = parameter(1), a = parameter(2), b = parameter(3), c = parameter(4);
    if (how == 0) {
        NOTE_PC(at_syscall);
        __asm__ volatile("at_syscall: syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    } else if (how == 1) {
        NOTE_PC(at_int80);
        __asm__ volatile("at_int80: int $0x80" : "+a"(number) : "b"(a), "c"(b), "d"(c) : "memory");
    } else if (how == 2) {
        NOTE_PC(at_sysenter);
        __asm__ volatile("at_sysenter: sysenter" : "+a"(number) : "b"(a), "c"(b), "d"(c) : "memory");
    } else if (how == 4) {
        NOTE_PC(at_low_sysenter);
        __asm__ volatile("mov %%rdi, %%rsp\n\tmov %%rdi, %%rbp\n\tat_low_sysenter: sysenter"
                         : "+a"(number)
                         : "D"(low_stack + 32), "b"(a), "c"(b), "d"(c)
                         : "memory");
    } else {
        u64 vsyscall = 0xffffffffff600000;
        NOTE_PC(vsyscall);
        u64 time[2];
        __asm__ volatile("call *%1" : "+a"(number) : "r"(vsyscall), "D"(time), "S"(0) : "rcx", "r11", "memory");
    }
    /* It came back: say what it gave. */
    OUTPUT("returned", &__dandelion_system_data.exit_code, 0);
    leave(7);
}
