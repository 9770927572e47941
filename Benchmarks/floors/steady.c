/* How evenly this machine computes: the same work at a steady pace, by a process that has nothing else to wait for.
 *
 *     steady RATE SECONDS WORK_US
 *
 * Prints `mean=... p50=... p99=... max=...` in microseconds, from the time at which each piece of work is due to its end, and
 * `relative_variance=...`: the variance over the square of the mean.
 */
#define _GNU_SOURCE
#include "../load/statistics.h"
#include <sys/prctl.h>

/* Dependent steps: only the processor's clock tells how long they take. */
static uint64_t work(uint64_t steps) {
    uint64_t state = 1;
    for (uint64_t i = 0; i < steps; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(state));
    }
    return state;
}

/* Steps that take that long when nothing disturbs them. */
static uint64_t steps_for(uint64_t ns) {
    uint64_t steps = 1000000, best = UINT64_MAX;
    for (int i = 0; i < 20; i++) {
        uint64_t start = now_ns();
        work(steps);
        uint64_t time = now_ns() - start;
        if (time < best) best = time;
    }
    return steps * ns / best;
}

int main(int count, char **arguments) {
    if (count != 4) return fprintf(stderr, "usage: steady RATE SECONDS WORK_US\n"), 2;
    double rate = atof(arguments[1]), mean = 0, squares = 0;
    size_t runs = (size_t)(rate * atof(arguments[2]));
    uint64_t steps = steps_for((uint64_t)(atof(arguments[3]) * 1000)), *times = calloc(runs + 1, sizeof *times);
    if (!runs || !times) return 2;
    prctl(PR_SET_TIMERSLACK, 1);
    uint64_t start = now_ns();
    for (size_t i = 0; i < runs; i++) {
        uint64_t due = start + (uint64_t)((double)(i + 1) * 1e9 / rate);
        struct timespec time = {(time_t)(due / 1000000000), (long)(due % 1000000000)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
        work(steps);
        times[i] = now_ns() - due;
        mean += (double)times[i] / (double)runs;
    }
    for (size_t i = 0; i < runs; i++) squares += ((double)times[i] - mean) * ((double)times[i] - mean);
    printf("mean=%.2f relative_variance=%.6f ", mean / 1000, squares / (double)runs / mean / mean);
    print_times("", times, runs);
    putchar('\n');
    return 0;
}
