title="OpenBLAS 0.3.21, C parts"
package=openblas
file=openblas_0.3.21+ds.orig.tar.xz
sha256=bbec5cca61c8033b2d57aaecde205d709323a0b35a5f193290081dbb3826848a
command="make CC=dandelion-cc NOFORTRAN=1 TARGET=GENERIC"
build() {
    make -j2 libs NOFORTRAN=1 NO_LAPACK=1 TARGET=GENERIC BINARY=64 USE_THREAD=0 NO_SHARED=1 ONLY_CBLAS=1 CROSS=1 HOSTCC=cc \
        CC="$SDK/bin/dandelion-cc" AR=llvm-ar RANLIB=llvm-ranlib
    cat > t.c << 'C'
#include "cblas.h"
#include <math.h>
#include <stdio.h>
#define N 64
static double a[N * N], b[N * N], c[N * N];
int main(void) {
    for (int i = 0; i < N * N; i++) a[i] = i % 7 - 3, b[i] = i % 5 - 2;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, N, N, N, 2, a, N, b, N, 0, c, N);
    int bad = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++) sum += 2 * a[i * N + k] * b[j * N + k];
            bad += fabs(sum - c[i * N + j]) > 1e-9;
        }
    printf("%sok dgemm\n", bad ? "not " : "");
    printf("%sok ddot\n", cblas_ddot(3, (double[]){1, 2, 3}, 1, (double[]){4, 5, 6}, 1) == 32 ? "" : "not ");
    printf("%sok dnrm2\n", cblas_dnrm2(2, (double[]){3, 4}, 1) == 5 ? "" : "not ");
    double x[4] = {1, 2, 3, 4};
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, 2, (double[]){2, 0, 1, 4}, 2, x, 1);
    printf("%sok dtrsv\n", x[0] == 0.5 && x[1] == 0.375 ? "" : "not ");
    return 0;
}
C
    compile -I. t.c lib*openblas*.a -lm -o t
}

check() { "$RUN" ./t; }
