/* Writes before the begin of a block that it allocated. */
#define SUBMIT spill()
static void spill(void);
#include "echo.h"
static void spill(void) {
    volatile uint8_t *block = malloc(24);
    block[-1] = 1;
    free((void *)block);
}
