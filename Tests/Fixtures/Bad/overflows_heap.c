/* Writes behind the end of a block that it allocated. */
#define SUBMIT spill(request->inputs[0].len)
static void spill(unsigned long len);
#include "echo.h"
static void spill(unsigned long len) {
    volatile uint8_t *block = malloc(len + 1);
    block[len + 1] = 1;
    free((void *)block);
}
