/* futex(2). */
#include "thread.h"
#include "calls.h"
#include <time.h>

enum { WAIT = 0, WAKE = 1, REQUEUE = 3, CMP_REQUEUE = 4, WAIT_BITSET = 9, WAKE_BITSET = 10, OPERATION = 127, REALTIME = 256 };

static bool woken(void *thread) { return ((struct hl_thread *)thread)->woken; }

static bool waits_for(const struct hl_thread *thread, const volatile int *word, uint32_t bits) {
    return thread->futex == word && !thread->woken && thread->futex_bits & bits;
}

/* The one that has waited longest. */
static struct hl_thread *first_waiter(const volatile int *word, uint32_t bits) {
    struct hl_thread *found = NULL, *thread = hl_current;
    do {
        if (waits_for(thread, word, bits) && (!found || thread->futex_order < found->futex_order)) found = thread;
        thread = thread->next;
    } while (thread != hl_current);
    return found;
}

long hl_futex_wake(const volatile int *word, long count, uint32_t bits) {
    long done = 0;
    for (struct hl_thread *thread; hl_thread_count > 1 && done < count && (thread = first_waiter(word, bits)); done++)
        thread->woken = true;
    return done;
}

static long requeue(const volatile int *word, long wake, long move, const volatile int *to) {
    long done = hl_futex_wake(word, wake, UINT32_MAX);
    for (struct hl_thread *thread; move > 0 && (thread = first_waiter(word, UINT32_MAX)); move--, done++) thread->futex = to;
    return done;
}

/* FUTEX_WAIT has a duration, the other a time of a clock. */
static uint64_t end_of_wait(long operation, const struct timespec *time) {
    if (!time) return HL_NEVER;
    if ((operation & OPERATION) == WAIT) return hl_elapsed() + hl_nanoseconds(time);
    return hl_time_of(operation & REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, time);
}

static long wait_for(const volatile int *word, int value, uint64_t until, uint32_t bits) {
    static uint64_t order;
    struct hl_thread *self = hl_current;
    if (*word != value) return -EAGAIN;
    if (bits == 0) return -EINVAL;
    self->futex = word;
    self->futex_bits = bits;
    self->futex_order = ++order;
    self->woken = false;
    long result = hl_wait(woken, self, until, true, "waits for a lock or condition that no other thread can give");
    self->futex = NULL;
    return self->woken ? 0 : result;
}

long hl_futex(long word, long operation, long value, long timeout, long other, long other_value) {
    const volatile int *at = (const volatile int *)word;
    switch (operation & OPERATION) {
    case WAIT: return wait_for(at, (int)value, end_of_wait(operation, (const struct timespec *)timeout), UINT32_MAX);
    case WAIT_BITSET:
        return wait_for(at, (int)value, end_of_wait(operation, (const struct timespec *)timeout), (uint32_t)other_value);
    case WAKE: return hl_futex_wake(at, value, UINT32_MAX);
    case WAKE_BITSET: return hl_futex_wake(at, value, (uint32_t)other_value);
    case CMP_REQUEUE:
        if (*at != (int)other_value) return -EAGAIN;
        return requeue(at, value, timeout, (const volatile int *)other);
    case REQUEUE: return requeue(at, value, timeout, (const volatile int *)other);
    default: return -ENOSYS;
    }
}
