/* An output lies where no memory is. */
#define COMPLETE answer->data = (const uint8_t *)0x1000; answer->len = 8
#include "echo.h"
