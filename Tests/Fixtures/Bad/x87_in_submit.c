/* Leaves another precision of the x87 unit. */
#define SUBMIT uint16_t word; __asm__("fnstcw %0" : "=m"(word)); word &= ~0x300; __asm__("fldcw %0" : : "m"(word))
#include "echo.h"
