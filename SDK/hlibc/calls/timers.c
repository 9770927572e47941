/* Timers: setitimer(2), alarm(2) and timer_create(2) send a signal, a timerfd(2) becomes readable. A timer is looked at when
 * the function calls: nothing interrupts one that only computes. */
#include "timers.h"
#include "calls.h"
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#define CREATED 32

bool hl_timers_set;
static struct hl_timer *timers; /* those that are set */

static struct hl_timer intervals[] = {{.signal = SIGALRM},
    {.signal = SIGVTALRM, .processor = true}, {.signal = SIGPROF, .processor = true}};
static struct hl_timer created[CREATED];

static uint64_t now_of(const struct hl_timer *timer) { return timer->processor ? hl_processor_time() : hl_elapsed(); }

static void unlink_timer(struct hl_timer *timer) {
    for (struct hl_timer **at = &timers; *at; at = &(*at)->next) {
        if (*at != timer) continue;
        *at = timer->next;
        break;
    }
    hl_timers_set = timers != NULL;
}

void hl_timer_set(struct hl_timer *timer, uint64_t due, uint64_t interval) {
    unlink_timer(timer);
    timer->due = due;
    timer->interval = interval;
    timer->expirations = 0;
    if (due == HL_NEVER) return;
    timer->next = timers;
    timers = timer;
    hl_timers_set = true;
}

uint64_t hl_timer_rest(const struct hl_timer *timer) {
    uint64_t now = now_of(timer);
    if (timer->due == HL_NEVER || timer->due == 0) return 0;
    return timer->due > now ? timer->due - now : 1;
}

/* Those of the processor's time do not come nearer by waiting. */
uint64_t hl_timers_next(void) {
    uint64_t soonest = HL_NEVER;
    for (const struct hl_timer *timer = timers; timer; timer = timer->next)
        if (!timer->processor && timer->due < soonest) soonest = timer->due;
    return soonest;
}

static void expire(struct hl_timer *timer, uint64_t now) {
    uint64_t interval = timer->interval, missed = interval > 0 ? (now - timer->due) / interval : 0;
    timer->expirations += 1 + missed;
    if (interval > 0) timer->due += (missed + 1) * interval;
    else timer->due = HL_NEVER, unlink_timer(timer);
    if (timer->signal > 0) hl_send_signal(timer->signal, timer->thread, SI_TIMER, timer->value);
}

void hl_timers_fire(void) {
    for (struct hl_timer *timer = timers, *next; timer; timer = next) {
        uint64_t now = now_of(timer);
        next = timer->next;
        if (timer->due <= now) expire(timer, now);
    }
}

static uint64_t of_timeval(const struct timeval *time) {
    return (uint64_t)time->tv_sec * HL_SECOND + (uint64_t)time->tv_usec * 1000;
}

static struct timeval as_timeval(uint64_t nanoseconds) {
    return (struct timeval){(time_t)(nanoseconds / HL_SECOND), (suseconds_t)(nanoseconds % HL_SECOND / 1000)};
}

static uint64_t interval_of(const struct hl_timer *timer) { return timer->due == HL_NEVER ? 0 : timer->interval; }

long hl_getitimer(long which, long to) {
    if (which < 0 || which > 2) return -EINVAL;
    struct hl_timer *timer = &intervals[which];
    *(struct itimerval *)to = (struct itimerval){as_timeval(interval_of(timer)), as_timeval(hl_timer_rest(timer))};
    return 0;
}

static bool valid(const struct timeval *time) { return time->tv_sec >= 0 && time->tv_usec >= 0 && time->tv_usec < 1000000; }

long hl_setitimer(long which, long new_value, long old_value) {
    const struct itimerval *value = (const struct itimerval *)new_value;
    if (which < 0 || which > 2) return -EINVAL;
    if (value && (!valid(&value->it_value) || !valid(&value->it_interval))) return -EINVAL;
    if (old_value) hl_getitimer(which, old_value);
    struct hl_timer *timer = &intervals[which];
    uint64_t first = value ? of_timeval(&value->it_value) : 0;
    hl_timer_set(timer, first > 0 ? now_of(timer) + first : HL_NEVER, value ? of_timeval(&value->it_interval) : 0);
    return 0;
}

/* The kernel's structure, as musl passes it (timer_create.c). */
struct event {
    long value;
    int signal, notify, thread;
};

static struct hl_timer *created_timer(long number) {
    return number >= 0 && number < CREATED && created[number].taken ? &created[number] : NULL;
}

long hl_timer_create(long clock, long event, long result) {
    const struct event *wanted = (const struct event *)event;
    struct event plain = {.signal = SIGALRM, .notify = SIGEV_SIGNAL};
    if (!wanted) wanted = &plain;
    if ((int)clock < 0 || clock > CLOCK_TAI || wanted->signal < 0 || wanted->signal > 64) return -EINVAL;
    for (int i = 0; i < CREATED; i++) {
        if (created[i].taken) continue;
        bool processor = clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
        created[i] = (struct hl_timer){.taken = true, .processor = processor, .clock = (int)clock, .due = HL_NEVER,
            .signal = wanted->notify == SIGEV_NONE ? 0 : wanted->signal, .value = wanted->value,
            .thread = wanted->notify == SIGEV_THREAD_ID ? wanted->thread : 0};
        *(int *)result = i;
        return 0;
    }
    return -EAGAIN;
}

long hl_timer_settime(long number, long flags, long new_value, long old_value) {
    struct hl_timer *timer = created_timer(number);
    if (!timer) return -EINVAL;
    return hl_timer_change(timer, flags & TIMER_ABSTIME, (const struct itimerspec *)new_value,
        (struct itimerspec *)old_value);
}

long hl_timer_gettime(long number, long to) {
    struct hl_timer *timer = created_timer(number);
    if (!timer) return -EINVAL;
    *(struct itimerspec *)to = (struct itimerspec){hl_as_time(interval_of(timer)), hl_as_time(hl_timer_rest(timer))};
    return 0;
}

long hl_timer_getoverrun(long number) {
    struct hl_timer *timer = created_timer(number);
    if (!timer) return -EINVAL;
    return timer->expirations > 0 ? (long)timer->expirations - 1 : 0;
}

long hl_timer_delete(long number) {
    struct hl_timer *timer = created_timer(number);
    if (!timer) return -EINVAL;
    unlink_timer(timer);
    timer->taken = false;
    return 0;
}

long hl_timer_change(struct hl_timer *timer, bool absolute, const struct itimerspec *to, struct itimerspec *old) {
    if (!hl_valid_time(&to->it_value) || !hl_valid_time(&to->it_interval)) return -EINVAL;
    if (old) *old = (struct itimerspec){hl_as_time(interval_of(timer)), hl_as_time(hl_timer_rest(timer))};
    uint64_t first = hl_nanoseconds(&to->it_value), due = HL_NEVER;
    if (first > 0) due = !absolute ? now_of(timer) + first : timer->processor ? first : hl_time_of(timer->clock, &to->it_value);
    hl_timer_set(timer, due, hl_nanoseconds(&to->it_interval));
    return 0;
}
