/* Complex functions at all pairs of telling numbers. `tell` writes what they give; `compare` reads that, as another C library
 * gave it, and prints each result that is another: a NaN, an infinity, a sign, or more units of the last place than allowed. */
#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifndef CMPLX
#define CMPLX(x, y) __builtin_complex((double)(x), (double)(y))
#define CMPLXF(x, y) __builtin_complex((float)(x), (float)(y))
#define CMPLXL(x, y) __builtin_complex((long double)(x), (long double)(y))
#endif

typedef long double number;

static bool comparing;
static unsigned long told, wrong;

static number unit(number value, int digits, int least) {
    if (value == 0) return ldexpl(1, least - digits);
    int exponent;
    frexpl(value, &exponent);
    return ldexpl(1, (exponent > least ? exponent : least) - digits);
}

/* C leaves signs of zeros and infinities open where an argument is not finite. */
static bool agree(number ours, number theirs, bool finite, number allowed) {
    if (isnan(theirs) || isnan(ours)) return isnan(theirs) && isnan(ours);
    if (signbit(ours) != signbit(theirs) && (finite || (theirs != 0 && !isinf(theirs)))) return false;
    if (isinf(theirs) || isinf(ours)) return isinf(theirs) && isinf(ours);
    return fabsl(fabsl(ours) - fabsl(theirs)) <= allowed;
}

struct kind {
    const char *name;
    int digits, least, units;
};

static void result(const char *function, struct kind kind, number x, number y, number real, number imaginary) {
    number ours[2] = {real, imaginary}, theirs[2];
    told++;
    if (!comparing) {
        /* The bytes behind a number's ten are whatever was there. */
        for (int i = 0; i < 2; i++) fwrite(&ours[i], 10, 1, stdout);
        return;
    }
    memset(theirs, 0, sizeof theirs);
    for (int i = 0; i < 2; i++)
        if (fread(&theirs[i], 10, 1, stdin) != 1) printf("the table ends at result %lu\n", told);
    for (int i = 0; i < 2; i++) {
        number allowed = isfinite(theirs[i]) ? kind.units * unit(theirs[i], kind.digits, kind.least) : 0;
        if (agree(ours[i], theirs[i], isfinite(x) && isfinite(y), allowed)) continue;
        if (wrong++ < 40)
            printf("%s, %s: %La, %La: %s part %La instead of %La\n", function, kind.name, x, y,
                   i == 0 ? "real" : "imaginary", ours[i], theirs[i]);
    }
}

#define NUMBERS(S, PREFIX)                                                                                             \
    {0, PREFIX##_TRUE_MIN, PREFIX##_MIN, 1e-20##S, PREFIX##_EPSILON * 3, 1e-5##S, 0.28##S, 0.5##S, 0.6##S,             \
     0.70710678118654752440##S, 0.8##S, 0.96##S, 1 - PREFIX##_EPSILON, 1, 1 + PREFIX##_EPSILON, 1.25##S, 3.14##S,      \
     10, 100, 720, 1e9##S, PREFIX##_MAX / 8, PREFIX##_MAX, INFINITY, NAN}

/* All functions of one type at all pairs; `units` is how far the last places may be apart. */
#define KIND(T, S, PACK, PREFIX, NAME, UNITS)                                                                          \
    static void at##S(const char *name, T complex (*function)(T complex)) {                                            \
        static const T numbers[] = NUMBERS(S, PREFIX);                                                                 \
        const struct kind kind = {NAME, PREFIX##_MANT_DIG, PREFIX##_MIN_EXP, UNITS};                                   \
        enum { COUNT = 2 * sizeof numbers / sizeof numbers[0] };                                                       \
        for (int i = 0; i < COUNT; i++) {                                                                              \
            for (int j = 0; j < COUNT; j++) {                                                                          \
                T x = i % 2 ? -numbers[i / 2] : numbers[i / 2], y = j % 2 ? -numbers[j / 2] : numbers[j / 2];          \
                T complex value = function(PACK(x, y));                                                                \
                result(name, kind, x, y, creal##S(value), cimag##S(value));                                            \
            }                                                                                                          \
        }                                                                                                              \
    }

KIND(float, f, CMPLXF, FLT, "float", 8)
KIND(double, , CMPLX, DBL, "double", 8)
/* The real sinhl and expm1l lose some digits of a long double already. */
KIND(long double, l, CMPLXL, LDBL, "long double", 8192)

#define EACH(X)                                                                                                        \
    X(cacos) X(casin) X(catan) X(cacosh) X(casinh) X(catanh) X(ccos) X(csin) X(ctan) X(ccosh) X(csinh) X(ctanh)        \
    X(cexp) X(clog) X(csqrt) X(cproj)

int main(int argc, char **argv) {
    comparing = argc > 1 && strcmp(argv[1], "compare") == 0;
#define ALL(name) atf(#name, name##f), at(#name, name), atl(#name, name##l);
    EACH(ALL)
    /* Real ones that went wrong. */
    for (int i = 0; i < 40; i++) {
        struct kind kind = {"real", LDBL_MANT_DIG, LDBL_MIN_EXP, 8192};
        number base = i - 20, power = ldexpl(1, i) + 1;
        result("powl", kind, base, power, powl(base, power), powl(1 / base, power));
        result("acosh", kind, base, 0, acosh(base * 12345), acoshl(base * 12345));
    }
    if (comparing) printf("%lu results, %lu others\n", told, wrong);
    return 0;
}
