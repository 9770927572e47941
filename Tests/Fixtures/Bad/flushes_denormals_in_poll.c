/* Has the vector unit of the host's thread flush small numbers to zero. */
#include <xmmintrin.h>
#define POLL _mm_setcsr(_mm_getcsr() | 0x8040)
#include "echo.h"
