/* csqrt: for numbers too large or too small to be added, musl's gives infinity or 0; its long double is a double. */
#include "complex_impl.h"

/* Algorithm 312 (CACM 10, October 1967); where x + hypot(x, y) could overflow or would have no digits, the larger part is
 * that of a number scaled by a power of 4. */
#define CSQRT(NAME, COMPLEX, T, PACK, S, MIN, MAX, DIGITS)                                                             \
    static T larger_part##S(T x, T y) {                                                                                \
        T larger = fmax##S(x, y);                                                                                      \
        int scale = larger > MAX / 4 ? -2 : larger < MIN * 16 ? DIGITS + DIGITS % 2 : 0;                               \
        if (scale != 0) x = scalbn##S(x, scale), y = scalbn##S(y, scale);                                              \
        T part = sqrt##S((x + hypot##S(x, y)) / 2);                                                                    \
        return scale == 0 ? part : scalbn##S(part, -scale / 2);                                                        \
    }                                                                                                                  \
    weak COMPLEX NAME(COMPLEX z) {                                                                                     \
        T x = creal##S(z), y = cimag##S(z);                                                                            \
        if (x == 0 && y == 0) return PACK(0, y);                                                                       \
        if (isinf(y)) return PACK(INFINITY, y);                                                                        \
        if (isnan(x)) return PACK(x, x + y);                                                                           \
        if (isinf(x)) return x < 0 ? PACK(fabs##S(y - y), copysign##S(x, y)) : PACK(x, copysign##S(y - y, y));         \
        if (isnan(y)) return PACK(y, y);                                                                               \
        T large = larger_part##S(fabs##S(x), fabs##S(y)), small = fabs##S(y) / (2 * large);                            \
        return x < 0 ? PACK(small, copysign##S(large, y)) : PACK(large, copysign##S(small, y));                        \
    }

CSQRT(csqrtf, float complex, float, CMPLXF, f, FLT_MIN, FLT_MAX, FLT_MANT_DIG)
CSQRT(csqrt, double complex, double, CMPLX, , DBL_MIN, DBL_MAX, DBL_MANT_DIG)
CSQRT(csqrtl, long double complex, long double, CMPLXL, l, LDBL_MIN, LDBL_MAX, LDBL_MANT_DIG)
