/* Answers the right length with other bytes. */
#define COMPLETE if (allowed && answer->len > 0) { static char other[1 << 21]; \
    memset(other, 42, sizeof other); if (answer->len <= sizeof other) answer->data = (const uint8_t *)other; }
#include "echo.h"
