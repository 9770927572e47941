/* Ends in the way of its input's first word, with much of its memory written. */
#include "guest.h"

static volatile unsigned region[1 << 14], zero;

static unsigned deep(unsigned n) {
    volatile unsigned here[64] = {n};
    return deep(n + 1) + here[n % 64];
}

void EXPORT("_start") _start(void) {
    unsigned how = *(const unsigned *)input(0, 0)->data;
    for (unsigned i = 0; i < sizeof region / sizeof *region; i++) region[i] = i ^ how;
    output((const void *)region, sizeof region);
    if (how == 1) region[0] = 1234567 / zero; /* not the trap that ends a program which has set its exit code */
    if (how == 2) *(volatile unsigned *)(size_t)0xfffffff0 = 1;
    if (how == 3) region[0] = deep(0);
    if (how == 4)
        for (unsigned i = 0;; i++) region[i % (sizeof region / sizeof *region)]++;
}
