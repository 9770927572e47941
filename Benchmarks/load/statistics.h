/* Exact percentiles over recorded times, printed as `key=value` words. */
#ifndef BENCHMARKS_STATISTICS_H
#define BENCHMARKS_STATISTICS_H

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline void pin_to(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        perror("sched_setaffinity");
        exit(2);
    }
}

static inline int compare_times(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* The smallest recorded time that at least `fraction` of all do not exceed, in microseconds; `times` is sorted. */
static inline double percentile(const uint64_t *times, size_t count, double fraction) {
    size_t rank = (size_t)(fraction * (double)count);
    if ((double)rank < fraction * (double)count) rank++;
    if (rank == 0) rank = 1;
    return count ? (double)times[rank - 1] / 1000.0 : 0;
}

/* Sorts the times and prints `PREFIXp50=... PREFIXp90=...` in microseconds, without a line end. */
static inline void print_times(const char *prefix, uint64_t *times, size_t count) {
    qsort(times, count, sizeof *times, compare_times);
    printf("%sp50=%.2f %sp90=%.2f %sp99=%.2f %sp999=%.2f %smax=%.2f", prefix, percentile(times, count, 0.5), prefix,
           percentile(times, count, 0.9), prefix, percentile(times, count, 0.99), prefix,
           percentile(times, count, 0.999), prefix, count ? (double)times[count - 1] / 1000.0 : 0.0);
}

#endif
