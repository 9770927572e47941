/* Leaves with exit code 7. */
#include "../../RWasmTests/guests/guest.h"

void EXPORT("_start") _start(void) { __dandelion_system_data.exit_code = 7; }
