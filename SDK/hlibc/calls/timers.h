/* Timers, set in the function's time or in the processor's. */
#ifndef HL_TIMERS_H
#define HL_TIMERS_H

#include "thread.h"
#include <time.h>

struct hl_timer {
    struct hl_timer *next;
    uint64_t due, interval; /* HL_NEVER: it is not set; 0: it expires once */
    uint64_t expirations;   /* since it was set, or read */
    int signal;             /* 0: none */
    int thread;             /* whom it is sent to, 0: any */
    int clock;
    long value;
    bool processor, taken;
};

void hl_timer_set(struct hl_timer *timer, uint64_t due, uint64_t interval);
/* Nanoseconds until it expires, 0 when it is not set. */
uint64_t hl_timer_rest(const struct hl_timer *timer);
/* timer_settime(2) and timerfd_settime(2). */
long hl_timer_change(struct hl_timer *timer, bool absolute, const struct itimerspec *to, struct itimerspec *old);

#endif
