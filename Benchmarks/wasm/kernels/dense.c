/* Dense linear algebra after the computations of PolyBench. */
#include "kernels.h"

enum { N = 192, M = 1200 };

static double A[N][N], B[N][N], C[N][N], D[N][N], E[N][N], T[N][N];
static double big[M][M], x[M], y[M], z[M], w[M];

static void fill(double a[N][N], int seed) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) a[i][j] = (double)((i * (j + seed) + seed) % N) / N;
}

static void fill_big(void) {
    for (int i = 0; i < M; i++) {
        x[i] = 1 + (double)i / M;
        y[i] = z[i] = w[i] = 0;
        for (int j = 0; j < M; j++) big[i][j] = (double)((3 * i + j) % M) / (5 * M);
    }
}

static void multiply(double to[N][N], double a[N][N], double b[N][N]) {
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) to[i][j] = 0;
        for (int k = 0; k < N; k++)
            for (int j = 0; j < N; j++) to[i][j] += a[i][k] * b[k][j];
    }
}

KERNEL(gemm) {
    fill(A, 1), fill(B, 2), fill(C, 3);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) C[i][j] *= 1.2;
        for (int k = 0; k < N; k++)
            for (int j = 0; j < N; j++) C[i][j] += 1.5 * A[i][k] * B[k][j];
    }
    return digest_of(C[0], N * N);
}

KERNEL(two_mm) {
    fill(A, 1), fill(B, 2), fill(C, 3);
    multiply(T, A, B);
    multiply(D, T, C);
    return digest_of(D[0], N * N);
}

KERNEL(three_mm) {
    fill(A, 1), fill(B, 2), fill(C, 3), fill(D, 4);
    multiply(E, A, B);
    multiply(T, C, D);
    multiply(A, E, T);
    return digest_of(A[0], N * N);
}

KERNEL(atax) {
    fill_big();
    for (int i = 0; i < M; i++) {
        double sum = 0;
        for (int j = 0; j < M; j++) sum += big[i][j] * x[j];
        for (int j = 0; j < M; j++) y[j] += big[i][j] * sum;
    }
    return digest_of(y, M);
}

KERNEL(bicg) {
    fill_big();
    for (int i = 0; i < M; i++) {
        double sum = 0;
        for (int j = 0; j < M; j++) {
            y[j] += x[i] * big[i][j];
            sum += big[i][j] * x[j];
        }
        z[i] = sum;
    }
    return mix(digest_of(y, M), digest_of(z, M));
}

KERNEL(mvt) {
    fill_big();
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++) y[i] += big[i][j] * x[j];
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++) z[i] += big[j][i] * x[j];
    return mix(digest_of(y, M), digest_of(z, M));
}

KERNEL(gesummv) {
    fill_big();
    for (int i = 0; i < M; i++) {
        double one = 0, other = 0;
        for (int j = 0; j < M; j++) {
            one += big[i][j] * x[j];
            other += big[(i + 7) % M][j] * x[j];
        }
        y[i] = 1.5 * one + 1.2 * other;
    }
    return digest_of(y, M);
}

KERNEL(syrk) {
    fill(A, 1), fill(C, 2);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j <= i; j++) C[i][j] *= 1.2;
        for (int k = 0; k < N; k++)
            for (int j = 0; j <= i; j++) C[i][j] += 1.5 * A[i][k] * A[j][k];
    }
    return digest_of(C[0], N * N);
}

KERNEL(trmm) {
    fill(A, 1), fill(B, 2);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            for (int k = i + 1; k < N; k++) B[i][j] += A[k][i] * B[k][j];
            B[i][j] *= 1.5;
        }
    return digest_of(B[0], N * N);
}

static void fill_positive(void) {
    fill(B, 3);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) A[i][j] = B[i][j] / N + (i == j ? 2 * N : 0);
}

KERNEL(cholesky) {
    fill_positive();
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < i; j++) {
            for (int k = 0; k < j; k++) A[i][j] -= A[i][k] * A[j][k];
            A[i][j] /= A[j][j];
        }
        for (int k = 0; k < i; k++) A[i][i] -= A[i][k] * A[i][k];
        A[i][i] = __builtin_sqrt(A[i][i]);
    }
    return digest_of(A[0], N * N);
}

KERNEL(lu) {
    fill_positive();
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < i; j++) {
            for (int k = 0; k < j; k++) A[i][j] -= A[i][k] * A[k][j];
            A[i][j] /= A[j][j];
        }
        for (int j = i; j < N; j++)
            for (int k = 0; k < i; k++) A[i][j] -= A[i][k] * A[k][j];
    }
    return digest_of(A[0], N * N);
}

KERNEL(trisolv) {
    fill_big();
    for (int i = 0; i < M; i++) {
        y[i] = x[i];
        for (int j = 0; j < i; j++) y[i] -= big[i][j] * y[j] / M;
        y[i] /= 1 + big[i][i];
    }
    return digest_of(y, M);
}

KERNEL(gramschmidt) {
    fill_positive();
    for (int k = 0; k < N; k++) {
        double norm = 0;
        for (int i = 0; i < N; i++) norm += A[i][k] * A[i][k];
        norm = __builtin_sqrt(norm);
        for (int i = 0; i < N; i++) B[i][k] = A[i][k] / norm;
        for (int j = k + 1; j < N; j++) {
            double dot = 0;
            for (int i = 0; i < N; i++) dot += B[i][k] * A[i][j];
            for (int i = 0; i < N; i++) A[i][j] -= B[i][k] * dot;
        }
    }
    return digest_of(B[0], N * N);
}

KERNEL(covariance) {
    fill(A, 5);
    for (int j = 0; j < N; j++) {
        double mean = 0;
        for (int i = 0; i < N; i++) mean += A[i][j];
        mean /= N;
        for (int i = 0; i < N; i++) A[i][j] -= mean;
    }
    for (int i = 0; i < N; i++)
        for (int j = i; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++) sum += A[k][i] * A[k][j];
            C[i][j] = C[j][i] = sum / (N - 1);
        }
    return digest_of(C[0], N * N);
}

KERNEL(doitgen) {
    enum { R = 60 };
    static double cube[R][R][R], sum[R];
    fill(C, 7);
    for (int r = 0; r < R; r++)
        for (int q = 0; q < R; q++)
            for (int p = 0; p < R; p++) cube[r][q][p] = (double)((r * q + p) % R) / R;
    for (int r = 0; r < R; r++)
        for (int q = 0; q < R; q++) {
            for (int p = 0; p < R; p++) {
                sum[p] = 0;
                for (int s = 0; s < R; s++) sum[p] += cube[r][q][s] * C[s][p];
            }
            for (int p = 0; p < R; p++) cube[r][q][p] = sum[p];
        }
    return digest_of(cube[0][0], R * R * R);
}
