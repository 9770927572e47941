/* clog: what musl's log(cabs(z)) loses near |z| = 1, and where |z| is no ordinary number, is kept. */
#include "complex_impl.h"

/* a + b, whose rounding error is left in `error` (Knuth). */
#define TWO_SUM(T, sum, error, a, b)                                                                                   \
    T sum = (a) + (b), sum##_b = sum - (a), error = ((a) - (sum - sum##_b)) + ((b)-sum##_b)

/* real_part: log|x + iy| for x >= y >= 0, both finite, x > 0. Near 1 it is log1p(x^2 + y^2 - 1) / 2, whose argument is
 * added up from exact products, as its leading digits cancel. */
#define CLOG(NAME, COMPLEX, T, PACK, S, MIN, MAX, DIGITS)                                                              \
    static T real_part##S(T x, T y) {                                                                                  \
        const T ln2 = 0.693147180559945309417232121458176568L;                                                         \
        if (x > MAX / 2) return log##S(hypot##S(x / 2, y / 2)) + ln2;                                                  \
        if (x < MIN) return log##S(hypot##S(scalbn##S(x, DIGITS), scalbn##S(y, DIGITS))) - DIGITS * ln2;               \
        T size = hypot##S(x, y);                                                                                       \
        if (size < (T)0.7 || size > (T)1.8) return log##S(size);                                                       \
        T xx = x * x, xx_rest = fma##S(x, x, -xx), yy = y * y, yy_rest = fma##S(y, y, -yy);                            \
        TWO_SUM(T, less, less_rest, xx, -1);                                                                           \
        TWO_SUM(T, high, high_rest, less, yy);                                                                         \
        TWO_SUM(T, low, low_rest, xx_rest, yy_rest);                                                                   \
        TWO_SUM(T, whole, rest, high, low);                                                                            \
        return log1p##S(whole + (rest + (less_rest + high_rest + low_rest))) / 2;                                      \
    }                                                                                                                  \
    weak COMPLEX NAME(COMPLEX z) {                                                                                     \
        T x = fabs##S(creal##S(z)), y = fabs##S(cimag##S(z)), angle = carg##S(z);                                      \
        if (isinf(x) || isinf(y)) return PACK(INFINITY, angle);                                                        \
        if (isnan(x) || isnan(y)) return PACK(x + y, angle);                                                           \
        if (x == 0 && y == 0) return PACK(-1 / x, angle);                                                              \
        return PACK(x > y ? real_part##S(x, y) : real_part##S(y, x), angle);                                           \
    }

CLOG(clogf, float complex, float, CMPLXF, f, FLT_MIN, FLT_MAX, FLT_MANT_DIG)
CLOG(clog, double complex, double, CMPLX, , DBL_MIN, DBL_MAX, DBL_MANT_DIG)
CLOG(clogl, long double complex, long double, CMPLXL, l, LDBL_MIN, LDBL_MAX, LDBL_MANT_DIG)
