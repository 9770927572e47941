/* Fills its heap, its stack and the vector registers, so that another function would see what is not cleared. */
#include "guest.h"

void guest_main(void) {
    u64 end = __dandelion_system_data.heap_end;
    u64 begin = (__dandelion_system_data.heap_begin + 7) & ~7ull;
    for (u64 at = begin; at + 8 <= end; at += 8) *(u64 *)at = 0x4d41524b4d41524b;
    u64 stack = (u64)__builtin_frame_address(0) - 4096;
    for (u64 at = entry->stack_low; at + 8 <= stack; at += 8) *(u64 *)at = 0x4d41524b4d41524b;
    __asm__ volatile("mov $-1, %%rax\n movq %%rax, %%xmm0\n movq %%rax, %%xmm15\n"
                     "wrgsbase %%rax\n" ::: "rax", "xmm0", "xmm15");
}
