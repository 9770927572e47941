/* What numpy's complex functions (npymath/npy_math_complex.c.src) want of numpy, in terms of musl: compiled with this, they
 * are the C library's own cacos, casinh, clog and so on. musl's lose all digits near 0, 1 and the branch cuts, and have no
 * long double. */
#pragma once

#include <float.h>
#include <stdint.h>

#include "complex_impl.h"

typedef float npy_float;
typedef double npy_double;
typedef long double npy_longdouble;
typedef float complex npy_cfloat;
typedef double complex npy_cdouble;
typedef long double complex npy_clongdouble;
typedef int npy_int;
typedef int32_t npy_int32;
typedef uint32_t npy_uint32;
typedef intptr_t npy_intp;

#define NPY_INLINE inline
#define NPY_UNUSED(name) name __attribute__((unused))
#define NPY_SIZEOF_DOUBLE __SIZEOF_DOUBLE__
#define NPY_SIZEOF_LONGDOUBLE __SIZEOF_LONG_DOUBLE__
#define NPY_INFINITYF ((float)INFINITY)
#define NPY_INFINITY ((double)INFINITY)
#define NPY_INFINITYL ((long double)INFINITY)
#define NPY_NANF ((float)NAN)
#define NPY_NAN ((double)NAN)
#define NPY_NANL ((long double)NAN)
#define NPY_Ef 2.718281828459045235360287471352662498F
#define NPY_E 2.718281828459045235360287471352662498
#define NPY_El 2.718281828459045235360287471352662498L
#define NPY_LOGE2f 0.693147180559945309417232121458176568F
#define NPY_LOGE2 0.693147180559945309417232121458176568
#define NPY_LOGE2l 0.693147180559945309417232121458176568L
#define NPY_PI_2f 1.570796326794896619231321691639751442F
#define NPY_PI_2 1.570796326794896619231321691639751442
#define NPY_PI_2l 1.570796326794896619231321691639751442L
#define NPY_SQRT2f 1.414213562373095048801688724209698079F
#define NPY_SQRT2 1.414213562373095048801688724209698079
#define NPY_SQRT2l 1.414213562373095048801688724209698079L

#define npy_isnan isnan
#define npy_isinf isinf
#define npy_isfinite isfinite
#define npy_signbit signbit
#define npy_set_floatstatus_invalid() FORCE_EVAL(0 * INFINITY)

/* The generator takes `npy_` off every name that is called. */
#define cpackf CMPLXF
#define cpack CMPLX
#define cpackl CMPLXL
#define set_floatstatus_invalid() FORCE_EVAL(0 * (double)INFINITY)

union IEEEl2bitsrep {
    long double e;
    union ldshape shape;
};
#define GET_LDOUBLE_EXP(bits) ((bits).shape.i.se & 0x7fff)
#define SET_LDOUBLE_EXP(bits, exponent) ((bits).shape.i.se = ((bits).shape.i.se & 0x8000) | (exponent))

/* Not taken: what musl computes well, what is in this folder, and what this folder completes. */
#define HAVE_CABSF
#define HAVE_CABS
#define HAVE_CABSL
#define HAVE_CARGF
#define HAVE_CARG
#define HAVE_CARGL
#define HAVE_CLOGF
#define HAVE_CLOG
#define HAVE_CLOGL
#define HAVE_CSQRTF
#define HAVE_CSQRT
#define HAVE_CSQRTL
#define HAVE_CEXPF
#define HAVE_CEXP
#define HAVE_CCOSF
#define HAVE_CCOS
#define HAVE_CCOSL
#define HAVE_CSINF
#define HAVE_CSIN
#define HAVE_CSINL
#define HAVE_CTANF
#define HAVE_CTAN
#define HAVE_CTANL
#define HAVE_CCOSHF
#define HAVE_CCOSH
#define HAVE_CSINHF
#define HAVE_CSINH
#define HAVE_CTANHF
#define HAVE_CTANH
#define cacoshf __numpy_cacoshf
#define cacosh __numpy_cacosh
#define cacoshl __numpy_cacoshl
#define cexpl __numpy_cexpl
#define ctanhl __numpy_ctanhl
static npy_cfloat npy_cpowf(npy_cfloat, npy_cfloat);
static npy_cdouble npy_cpow(npy_cdouble, npy_cdouble);
static npy_clongdouble npy_cpowl(npy_clongdouble, npy_clongdouble);

/* A program may have something else of one of these names, while it uses others; all are in one object. */
#pragma weak cacosf
#pragma weak cacos
#pragma weak cacosl
#pragma weak casinf
#pragma weak casin
#pragma weak casinl
#pragma weak catanf
#pragma weak catan
#pragma weak catanl
#pragma weak casinhf
#pragma weak casinh
#pragma weak casinhl
#pragma weak catanhf
#pragma weak catanh
#pragma weak catanhl
#pragma weak ccoshl
#pragma weak csinhl
