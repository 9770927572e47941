#include "CPlatform.h"

#include <stdatomic.h>

#define SECOND 1000000000u
#define LEAST 1000000u /* nanoseconds of measuring from which on the result is worth something */

#if defined(__x86_64__)
static uint64_t counter(void) { return __builtin_ia32_rdtsc(); }

static uint64_t monotonic(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* Both beginnings are set before `ready` is 1; then only `known` changes, once. */
static _Atomic int ready;
static uint64_t first_count, first_time;
static _Atomic uint64_t known;

static uint64_t begin(void) {
    int none = 0;
    if (!atomic_compare_exchange_strong(&ready, &none, -1)) return 0;
    first_time = monotonic();
    first_count = counter();
    atomic_store(&ready, 1);
    return 0;
}

uint64_t cp_counter_hz(void) {
    uint64_t hz = atomic_load_explicit(&known, memory_order_relaxed);
    if (hz > 0) return hz;
    if (atomic_load(&ready) != 1) return begin();
    uint64_t passed = monotonic() - first_time, counted = counter() - first_count;
    if (passed < LEAST) return 0;
    hz = (uint64_t)((double)counted * SECOND / (double)passed);
    if (passed >= SECOND) atomic_store_explicit(&known, hz, memory_order_relaxed);
    return hz;
}
#else
uint64_t cp_counter_hz(void) {
    uint64_t hz;
    __asm__("mrs %0, cntfrq_el0" : "=r"(hz));
    return hz;
}
#endif
