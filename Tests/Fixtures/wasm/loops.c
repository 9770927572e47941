/* Never ends. */
#include "../../RWasmTests/guests/guest.h"

static volatile unsigned sink;

void EXPORT("_start") _start(void) {
    for (;;) sink++;
}
