/* The clocks over core/clock.c. */
#include "calls.h"
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)

static struct timespec as_time(uint64_t nanoseconds) {
    return (struct timespec){.tv_sec = (time_t)(nanoseconds / SECOND), .tv_nsec = (long)(nanoseconds % SECOND)};
}

long hl_clock_gettime(long clock, long to) {
    bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
    if ((int)clock < 0 || clock > CLOCK_TAI) return -EINVAL;
    hl_sleep(1);
    /* The other clocks count from a second before the beginning, as zero looks like no time at all to some. */
    *(struct timespec *)to = as_time(real ? (uint64_t)hl_now() : SECOND + hl_elapsed());
    return 0;
}

long hl_clock_getres(long clock, long to) {
    if ((int)clock < 0 || clock > CLOCK_TAI) return -EINVAL;
    if (to) *(struct timespec *)to = as_time(1);
    return 0;
}

long hl_gettimeofday(long to) {
    hl_sleep(1);
    struct timespec now = as_time((uint64_t)hl_now());
    if (to) *(struct timeval *)to = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

long hl_time(long to) {
    long now = (long)(hl_now() / (int64_t)SECOND);
    if (to) *(long *)to = now;
    return now;
}

static long sleep_for(const struct timespec *time) {
    if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= (long)SECOND) return -EINVAL;
    hl_sleep((uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_nsec);
    return 0;
}

long hl_nanosleep(long time) { return sleep_for((const struct timespec *)time); }

long hl_clock_nanosleep(long clock, long flags, long until) {
    const struct timespec *time = (const struct timespec *)until;
    struct timespec now;
    if (!(flags & TIMER_ABSTIME)) return sleep_for(time);
    long error = hl_clock_gettime(clock, (long)&now);
    if (error) return error;
    int64_t rest = (time->tv_sec - now.tv_sec) * (int64_t)SECOND + (time->tv_nsec - now.tv_nsec);
    if (rest > 0) hl_sleep((uint64_t)rest);
    return 0;
}

long hl_times(long to) {
    long ticks = (long)(hl_elapsed() / (SECOND / 100));
    if (to) *(struct tms *)to = (struct tms){.tms_utime = ticks};
    return ticks;
}

long hl_getrusage(long who, long to) {
    struct rusage *usage = (struct rusage *)to;
    (void)who;
    memset(usage, 0, 4 * sizeof(long)); /* the two times; musl clears the rest of the kernel's structure itself */
    usage->ru_utime = (struct timeval){.tv_sec = (time_t)(hl_elapsed() / SECOND), .tv_usec = (long)(hl_elapsed() % SECOND / 1000)};
    return 0;
}
