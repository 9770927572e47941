/* When the machine itself stood still: on each CPU a thread of real-time priority sleeps 1 ms again and again, which nothing
 * on this machine but an interrupt can delay. One that wakes late tells of a virtual CPU that its host did not run.
 *
 *     stalls CPU...
 *
 * Prints "Socket ready" when it watches. At the end of its input it prints a line for each wake-up that came more than 1 ms
 * late: CPU FROM_NS TO_NS, on CLOCK_MONOTONIC.
 */
#define _GNU_SOURCE
#include "statistics.h"
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define PERIOD_NS 1000000u
#define MOST 100000

static struct stall {
    int cpu;
    uint64_t from, to;
} stalls[MOST];
static size_t count;

static void *watch(void *argument) {
    int cpu = (int)(intptr_t)argument;
    struct sched_param priority = {.sched_priority = 99};
    pin_to(cpu);
    if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0) {
        perror("stalls: SCHED_FIFO");
        exit(2);
    }
    uint64_t due = now_ns();
    for (;;) {
        due += PERIOD_NS;
        struct timespec time = {(time_t)(due / 1000000000), (long)(due % 1000000000)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
        uint64_t now = now_ns();
        if (now - due <= PERIOD_NS) continue;
        size_t index = __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
        if (index < MOST) stalls[index] = (struct stall){cpu, due, now};
        due = now;
    }
    return NULL;
}

int main(int arguments, char **words) {
    mlockall(MCL_CURRENT | MCL_FUTURE);
    for (int index = 1; index < arguments; index++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, watch, (void *)(intptr_t)atoi(words[index])) != 0) return 2;
    }
    usleep(20000);
    puts("Socket ready");
    fflush(stdout);
    while (getchar() != EOF) continue;
    size_t all = __atomic_load_n(&count, __ATOMIC_RELAXED);
    for (size_t index = 0; index < all && index < MOST; index++)
        printf("%d %llu %llu\n", stalls[index].cpu, (unsigned long long)stalls[index].from, (unsigned long long)stalls[index].to);
    return 0;
}
