/* Reads an address that no context has. */
#include "../../RWasmTests/guests/guest.h"

static volatile unsigned sink;

void EXPORT("_start") _start(void) { sink = *(volatile unsigned *)0xfffffff0; }
