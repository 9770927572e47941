/* Frees a block twice. */
#define START twice()
static void twice(void);
#include "echo.h"
static void twice(void) {
    void *volatile block = malloc(64), *volatile other = malloc(64);
    free(block);
    free(other);
    free(block);
}
