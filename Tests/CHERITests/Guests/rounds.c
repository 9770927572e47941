/* Counts how often it was entered, each time from a clean set of registers on the same memory. */
#include "guest.h"

static u64 rounds;

void guest_main(void) {
    rounds++;
    output_count = 0;
    OUTPUT("rounds", &rounds, sizeof rounds);
}
