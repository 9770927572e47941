/* Calls itself until its stack is full. */
#include "guest.h"

__attribute__((noinline)) static u64 deeper(u64 depth) {
    volatile u8 frame[512];
    frame[0] = (u8)depth;
    u64 below = depth == ~0ull ? 0 : deeper(depth + 1);
    return below + frame[0];
}

void guest_main(void) { leave((int)deeper(0)); }
