/* Times the kernels as native code. Usage: native ROUNDS; prints name, digest and the fastest round in ns of
 * the thread's processor time, one a line. */
#define _GNU_SOURCE
#include "kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DECLARE(name) uint64_t name(void);
KERNELS(DECLARE)

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void measure(const char *name, uint64_t (*kernel)(void), int rounds) {
    uint64_t best = UINT64_MAX, digest = 0;
    for (int i = 0; i < rounds; i++) {
        uint64_t begin = now();
        digest = kernel();
        uint64_t took = now() - begin;
        if (took < best) best = took;
    }
    printf("%s %llu %llu\n", name, (unsigned long long)digest, (unsigned long long)best);
    fflush(stdout);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
#define MEASURE(name) measure(#name, name, rounds);
    KERNELS(MEASURE)
}
