/* Gives 1 when a word at one of some places was not zero, else 0, and leaves words at those up to its input's first one. */
#include "guest.h"

enum { MiB = 1 << 20 };

void EXPORT("_start") _start(void) {
    static const unsigned places[] = {1 * MiB, 4 * MiB - 4, 4 * MiB, 5 * MiB, 600 * MiB, 1028 * MiB, 1100 * MiB};
    static unsigned char stained;
    unsigned until = *(const unsigned *)input(0, 0)->data;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        volatile unsigned *word = (volatile unsigned *)(size_t)places[i];
        if (places[i] <= until || until == 0) stained |= *word != 0;
        if (places[i] <= until) *word = 0xdeadbeef;
    }
    output(&stained, 1);
}
