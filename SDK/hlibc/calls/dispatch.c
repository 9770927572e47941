#include "calls.h"

long hl_dispatch(long number, long a, long b, long c, long d, long e, long f) {
    switch (number) {
#define HL_CALL(count, known, function) \
    case known: return function HL_PASS_##count;
#include "hl_calls.h"
#undef HL_CALL
    default: return -ENOSYS;
    }
}
