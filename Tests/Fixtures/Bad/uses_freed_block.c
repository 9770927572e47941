/* Reads a block that it has freed. */
#define SUBMIT use()
static void use(void);
#include "echo.h"
static void use(void) {
    volatile uint8_t *block = calloc(1, 64);
    free((void *)block);
    volatile uint8_t seen = block[8];
    (void)seen;
}
