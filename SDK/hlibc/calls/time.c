/* The clocks over core/clock.c. */
#include "thread.h"
#include "calls.h"
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

struct timespec hl_as_time(uint64_t nanoseconds) {
    return (struct timespec){.tv_sec = (time_t)(nanoseconds / HL_SECOND), .tv_nsec = (long)(nanoseconds % HL_SECOND)};
}

uint64_t hl_nanoseconds(const struct timespec *time) {
    uint64_t seconds = time->tv_sec > 0 ? (uint64_t)time->tv_sec : 0;
    return seconds > HL_NEVER / HL_SECOND / 2 ? HL_NEVER / 2 : seconds * HL_SECOND + (uint64_t)time->tv_nsec;
}

bool hl_valid_time(const struct timespec *time) {
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < (long)HL_SECOND;
}

static bool is_real(long clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM;
}

static bool is_of_processor(long clock) { return clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID; }

/* The others count from a second before the beginning, as zero looks like no time at all to some. */
static uint64_t reading(long clock) {
    return is_real(clock) ? (uint64_t)hl_now() : is_of_processor(clock) ? hl_processor_time() : HL_SECOND + hl_elapsed();
}

uint64_t hl_time_of(int clock, const struct timespec *time) {
    uint64_t now = reading(clock), wanted = hl_nanoseconds(time);
    return hl_elapsed() + (wanted > now ? wanted - now : 0);
}

/* clock_getcpuclockid(3) names clocks of processes and threads by negative numbers. */
static long known(long clock) {
    if ((int)clock < 0) return (clock & 4) ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID;
    return clock > CLOCK_TAI ? -EINVAL : clock;
}

long hl_clock_gettime(long clock, long to) {
    clock = known(clock);
    if (clock < 0) return clock;
    hl_clock_read();
    hl_clock_was_read();
    *(struct timespec *)to = hl_as_time(reading(clock));
    return 0;
}

long hl_clock_getres(long clock, long to) {
    clock = known(clock);
    if (clock < 0) return clock;
    if (to) *(struct timespec *)to = hl_as_time(1);
    return 0;
}

long hl_gettimeofday(long to) {
    struct timespec now;
    hl_clock_gettime(CLOCK_REALTIME, (long)&now);
    if (to) *(struct timeval *)to = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

long hl_time(long to) {
    long now = (long)(hl_now() / (int64_t)HL_SECOND);
    if (to) *(long *)to = now;
    return now;
}

/* What is left of an interrupted sleep goes to `rest`. */
static long sleep_until(uint64_t until, struct timespec *rest) {
    long result = hl_wait(NULL, NULL, until, false, "sleeps for ever");
    if (result == -ETIMEDOUT) return 0;
    uint64_t now = hl_elapsed();
    if (rest) *rest = hl_as_time(until > now ? until - now : 0);
    return result;
}

long hl_nanosleep(long time, long rest) {
    const struct timespec *duration = (const struct timespec *)time;
    if (!hl_valid_time(duration)) return -EINVAL;
    return sleep_until(hl_elapsed() + hl_nanoseconds(duration), (struct timespec *)rest);
}

long hl_clock_nanosleep(long clock, long flags, long time, long rest) {
    clock = known(clock);
    if (clock < 0 || !hl_valid_time((const struct timespec *)time)) return -EINVAL;
    if (!(flags & TIMER_ABSTIME)) return hl_nanosleep(time, rest);
    return sleep_until(hl_time_of((int)clock, (const struct timespec *)time), NULL);
}

long hl_times(long to) {
    if (to) *(struct tms *)to = (struct tms){.tms_utime = (clock_t)(hl_processor_time() / (HL_SECOND / 100))};
    return (long)(hl_elapsed() / (HL_SECOND / 100));
}

long hl_getrusage(long who, long to) {
    struct rusage *usage = (struct rusage *)to;
    bool children = (int)who == RUSAGE_CHILDREN;
    uint64_t used = children ? 0 : hl_processor_time();
    memset(usage, 0, 16 * sizeof(long)); /* the kernel's structure; musl's is longer */
    usage->ru_utime = (struct timeval){.tv_sec = (time_t)(used / HL_SECOND), .tv_usec = (long)(used % HL_SECOND / 1000)};
    usage->ru_maxrss = children ? 0 : (long)((hl_pages_total() - hl_pages_free()) * HL_PAGE / 1024);
    return 0;
}
