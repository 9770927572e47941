/* Cycles of common C library calls: "NAME VALUE" lines, each the best of 20 rounds. Compiled with glibc and with the SDK. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#define ROUNDS 20
#define LINES 10000

static char large[2][1 << 20];

static double cycles_of(void (*work)(void), double units) {
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = __rdtsc();
        work();
        uint64_t taken = __rdtsc() - start;
        if (taken < best) best = taken;
    }
    return (double)best / units;
}

/* The compiler must take nothing out of the loops. */
static void keep(const void *pointer) { __asm__ volatile("" : : "r"(pointer) : "memory"); }

static void pairs(void) {
    for (int i = 0; i < 10000; i++) {
        void *block = malloc(64);
        keep(block);
        free(block);
    }
}

/* Blocks of many sizes that live on while others come and go. */
static void mixed(void) {
    static void *blocks[256];
    uint32_t random = 1;
    for (int i = 0; i < 10000; i++) {
        random = random * 1664525 + 1013904223;
        void **block = &blocks[random >> 24];
        free(*block);
        *block = malloc(random >> 8 & 1023);
    }
}

static void prints(void) {
    FILE *file = fopen("/tmp/sdk-measure", "w");
    for (int i = 0; i < LINES; i++) fprintf(file, "%d %s %.3f\n", i, "word", i * 0.5);
    fclose(file);
}

static void lines(void) {
    char line[128];
    FILE *file = fopen("/tmp/sdk-measure", "r");
    while (fgets(line, sizeof line, file)) keep(line);
    fclose(file);
}

static void copy_large(void) { memcpy(large[0], large[1], sizeof large[0]), keep(large); }

static void copy_small(void) {
    for (int i = 0; i < 10000; i++) memcpy(large[0], large[1], 100), keep(large);
}

static void lengths(void) {
    size_t length = strlen(large[1]);
    keep((void *)length);
}

static void lengths_short(void) {
    for (int i = 0; i < 10000; i++) {
        size_t length = strlen(large[1] + sizeof large[1] - 25);
        keep((void *)length);
    }
}

int main(void) {
    memset(large[1], 'x', sizeof large[1] - 1);
    printf("malloc-free %.1f\n", cycles_of(pairs, 10000));
    printf("malloc-mixed %.1f\n", cycles_of(mixed, 10000));
    printf("fprintf %.0f\n", cycles_of(prints, LINES));
    printf("fgets %.0f\n", cycles_of(lines, LINES));
    printf("memcpy-1MiB %.1f\n", sizeof large[0] / cycles_of(copy_large, 1));
    printf("memcpy-100 %.1f\n", cycles_of(copy_small, 10000));
    printf("strlen-1MiB %.1f\n", sizeof large[0] / cycles_of(lengths, 1));
    printf("strlen-24 %.1f\n", cycles_of(lengths_short, 10000));
    remove("/tmp/sdk-measure");
    return 0;
}
