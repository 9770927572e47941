/* Stencils and dynamic programming after the computations of PolyBench. */
#include "kernels.h"

enum { N = 300, L = 60000, S = 40, V = 220 };

static double a[N][N], b[N][N], c[N][N], lineA[L], lineB[L], boxA[S][S][S], boxB[S][S][S];
static int32_t paths[V][V], table[V][V];

static void fill(void) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (double)(i * (j + 2) + 2) / N;
            b[i][j] = (double)(i * (j + 3) + 3) / N;
            c[i][j] = (double)(i * (j + 4) + 4) / N;
        }
}

KERNEL(jacobi_1d) {
    for (int i = 0; i < L; i++) lineA[i] = (i + 2.0) / L, lineB[i] = (i + 3.0) / L;
    for (int t = 0; t < 100; t++) {
        for (int i = 1; i < L - 1; i++) lineB[i] = 0.33333 * (lineA[i - 1] + lineA[i] + lineA[i + 1]);
        for (int i = 1; i < L - 1; i++) lineA[i] = 0.33333 * (lineB[i - 1] + lineB[i] + lineB[i + 1]);
    }
    return digest_of(lineA, L);
}

KERNEL(jacobi_2d) {
    fill();
    for (int t = 0; t < 50; t++) {
        for (int i = 1; i < N - 1; i++)
            for (int j = 1; j < N - 1; j++)
                b[i][j] = 0.2 * (a[i][j] + a[i][j - 1] + a[i][j + 1] + a[i + 1][j] + a[i - 1][j]);
        for (int i = 1; i < N - 1; i++)
            for (int j = 1; j < N - 1; j++)
                a[i][j] = 0.2 * (b[i][j] + b[i][j - 1] + b[i][j + 1] + b[i + 1][j] + b[i - 1][j]);
    }
    return digest_of(a[0], N * N);
}

KERNEL(seidel_2d) {
    fill();
    for (int t = 0; t < 10; t++)
        for (int i = 1; i < N - 1; i++)
            for (int j = 1; j < N - 1; j++)
                a[i][j] = (a[i - 1][j - 1] + a[i - 1][j] + a[i - 1][j + 1] + a[i][j - 1] + a[i][j] + a[i][j + 1] +
                           a[i + 1][j - 1] + a[i + 1][j] + a[i + 1][j + 1]) /
                          9;
    return digest_of(a[0], N * N);
}

KERNEL(fdtd_2d) {
    fill();
    for (int t = 0; t < 40; t++) {
        for (int j = 0; j < N; j++) b[0][j] = t;
        for (int i = 1; i < N; i++)
            for (int j = 0; j < N; j++) b[i][j] -= 0.5 * (c[i][j] - c[i - 1][j]);
        for (int i = 0; i < N; i++)
            for (int j = 1; j < N; j++) a[i][j] -= 0.5 * (c[i][j] - c[i][j - 1]);
        for (int i = 0; i < N - 1; i++)
            for (int j = 0; j < N - 1; j++) c[i][j] -= 0.7 * (a[i][j + 1] - a[i][j] + b[i + 1][j] - b[i][j]);
    }
    return digest_of(c[0], N * N);
}

static void heat(double from[S][S][S], double to[S][S][S]) {
    for (int i = 1; i < S - 1; i++)
        for (int j = 1; j < S - 1; j++)
            for (int k = 1; k < S - 1; k++)
                to[i][j][k] = 0.125 * (from[i + 1][j][k] - 2 * from[i][j][k] + from[i - 1][j][k]) +
                              0.125 * (from[i][j + 1][k] - 2 * from[i][j][k] + from[i][j - 1][k]) +
                              0.125 * (from[i][j][k + 1] - 2 * from[i][j][k] + from[i][j][k - 1]) + from[i][j][k];
}

KERNEL(heat_3d) {
    for (int i = 0; i < S; i++)
        for (int j = 0; j < S; j++)
            for (int k = 0; k < S; k++) boxA[i][j][k] = boxB[i][j][k] = (double)(i + j + S - k) * 10 / S;
    for (int t = 0; t < 40; t++) heat(boxA, boxB), heat(boxB, boxA);
    return digest_of(boxA[0][0], S * S * S);
}

KERNEL(floyd_warshall) {
    for (int i = 0; i < V; i++)
        for (int j = 0; j < V; j++) paths[i][j] = (i + j) % 13 == 0 || (i + j) % 7 == 0 ? 999 : i * j % 7 + 1;
    for (int k = 0; k < V; k++)
        for (int i = 0; i < V; i++)
            for (int j = 0; j < V; j++) {
                int32_t way = paths[i][k] + paths[k][j];
                if (way < paths[i][j]) paths[i][j] = way;
            }
    uint64_t digest = 0;
    for (int i = 0; i < V; i++) digest = mix(digest, (uint64_t)paths[i][V - 1 - i]);
    return digest;
}

KERNEL(nussinov) {
    static uint8_t bases[V];
    for (int i = 0; i < V; i++) {
        bases[i] = (uint8_t)((i + 1) % 4);
        for (int j = 0; j < V; j++) table[i][j] = 0;
    }
    for (int i = V - 1; i >= 0; i--)
        for (int j = i + 1; j < V; j++) {
            int32_t best = table[i][j - 1];
            if (i + 1 < V && table[i + 1][j] > best) best = table[i + 1][j];
            if (i + 1 < V) {
                int32_t pair = table[i + 1][j - 1] + (i < j - 1 && bases[i] + bases[j] == 3);
                if (pair > best) best = pair;
            }
            for (int k = i + 1; k < j; k++) {
                int32_t split = table[i][k] + table[k + 1][j];
                if (split > best) best = split;
            }
            table[i][j] = best;
        }
    return mix(1, (uint64_t)table[0][V - 1]);
}
