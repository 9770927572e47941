/* Never leaves. */
#include "guest.h"

void guest_main(void) {
    for (;;) __asm__ volatile("");
}
