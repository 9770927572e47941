/* Its start writes far behind the end of a block. */
#define START spill()
static void spill(void);
#include "echo.h"
static void spill(void) {
    volatile uint8_t *block = malloc(100);
    block[300] = 1;
}
