/* Kernels that are compiled to native code and to WebAssembly: each makes its input, computes, and returns a digest of the
 * result. They use no library. */
#ifndef KERNELS_H
#define KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define KERNELS(X) \
    X(gemm) X(two_mm) X(three_mm) X(atax) X(bicg) X(mvt) X(gesummv) X(syrk) X(trmm) X(cholesky) X(lu) X(trisolv) \
    X(gramschmidt) X(covariance) X(doitgen) X(jacobi_1d) X(jacobi_2d) X(seidel_2d) X(fdtd_2d) X(heat_3d) \
    X(floyd_warshall) X(nussinov) X(matmul_i64) X(quicksort) X(sieve) X(crc32) X(sha256) X(json_parse) X(qoi_to_png)

#ifdef __wasm__
#define KERNEL(name) __attribute__((export_name(#name))) uint64_t name(void)
#else
#define KERNEL(name) uint64_t name(void)
#endif

/* Mixes a value into a digest. */
static inline uint64_t mix(uint64_t digest, uint64_t value) {
    digest = (digest ^ value) * 0x9e3779b97f4a7c15;
    return digest ^ digest >> 29;
}

/* The bits of a sum: all engines must add in the same order. */
static inline uint64_t digest_of(const double *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    return mix(count, __builtin_bit_cast(uint64_t, sum));
}

static inline uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

#endif
