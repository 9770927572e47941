/* What numpy's functions leave out of C's special values: see npy_math_common.h. */
#include "complex_impl.h"

#define COMPLETED(name, COMPLEX) COMPLEX __numpy_##name(COMPLEX z)

COMPLETED(cacoshf, float complex);
COMPLETED(cacosh, double complex);
COMPLETED(cacoshl, long double complex);
COMPLETED(cexpl, long double complex);
COMPLETED(ctanhl, long double complex);

/* As C23 has it: the imaginary part is known, pi / 2. */
#define CACOSH(S, COMPLEX, PACK)                                                                                       \
    weak COMPLEX cacosh##S(COMPLEX z) {                                                                                \
        if (creal##S(z) == 0 && isnan(cimag##S(z))) return PACK(cimag##S(z), 1.570796326794896619231321691639751442L); \
        return __numpy_cacosh##S(z);                                                                                   \
    }

CACOSH(f, float complex, CMPLXF)
CACOSH(, double complex, CMPLX)
CACOSH(l, long double complex, CMPLXL)

weak long double complex cexpl(long double complex z) {
    return cimagl(z) == 0 ? CMPLXL(expl(creall(z)), cimagl(z)) : __numpy_cexpl(z);
}

weak long double complex ctanhl(long double complex z) {
    return creall(z) == 0 && !isfinite(cimagl(z)) ? CMPLXL(creall(z), cimagl(z) - cimagl(z)) : __numpy_ctanhl(z);
}
