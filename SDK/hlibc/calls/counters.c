/* eventfd(2) and timerfd_create(2): numbers that are waited for. */
#include "timers.h"
#include "calls.h"
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define LARGEST (UINT64_MAX - 1)

struct counter {
    uint64_t value;
    bool by_one;
};

static int64_t read_counter(struct hl_node *node, void *to, size_t count) {
    struct counter *counter = node->stream.state;
    uint64_t given = counter->by_one ? 1 : counter->value;
    if (count < sizeof given) return -EINVAL;
    if (counter->value == 0) return -EAGAIN;
    memcpy(to, &given, sizeof given);
    counter->value -= given;
    node->stream.changes++;
    return sizeof given;
}

static int64_t write_counter(struct hl_node *node, const void *from, size_t count) {
    struct counter *counter = node->stream.state;
    uint64_t added;
    if (count < sizeof added) return -EINVAL;
    memcpy(&added, from, sizeof added);
    if (added > LARGEST) return -EINVAL;
    if (added > LARGEST - counter->value) return -EAGAIN;
    counter->value += added;
    node->stream.changes++;
    return (int64_t)count;
}

static unsigned counter_events(const struct hl_node *node, unsigned access) {
    const struct counter *counter = node->stream.state;
    (void)access;
    return (counter->value > 0 ? HL_CAN_READ : 0) | (counter->value < LARGEST ? HL_CAN_WRITE : 0);
}

static void unchanged(struct hl_node *node, unsigned access) { (void)node, (void)access; }

static void release_counter(struct hl_node *node) { hl_block_give(node->stream.state, sizeof(struct counter)); }

static const struct hl_operations counter_operations = {
    0, read_counter, write_counter, counter_events, unchanged, unchanged, release_counter, NULL};

static uint32_t opened_with(long flags) { return O_RDWR | ((uint32_t)flags & (O_CLOEXEC | O_NONBLOCK)); }

static long open_node(struct hl_node *node, long flags) {
    long descriptor = hl_descriptor_for(node, opened_with(flags), 0);
    if (descriptor < 0) hl_node_release(node);
    return descriptor;
}

long hl_eventfd2(long value, long flags) {
    if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) return -EINVAL;
    struct counter *counter = hl_block_take(sizeof *counter);
    if (!counter) return -ENOMEM;
    *counter = (struct counter){(unsigned)value, flags & EFD_SEMAPHORE};
    struct hl_node *node = hl_stream_create(&counter_operations, counter);
    if (node) return open_node(node, flags);
    hl_block_give(counter, sizeof *counter);
    return -ENOMEM;
}

long hl_eventfd(long value) { return hl_eventfd2(value, 0); }

static int64_t read_timer(struct hl_node *node, void *to, size_t count) {
    struct hl_timer *timer = node->stream.state;
    uint64_t expirations;
    if (count < sizeof expirations) return -EINVAL;
    hl_timers_fire();
    expirations = timer->expirations;
    if (expirations == 0) return -EAGAIN;
    memcpy(to, &expirations, sizeof expirations);
    timer->expirations = 0;
    return sizeof expirations;
}

static int64_t write_timer(struct hl_node *node, const void *from, size_t count) {
    (void)node, (void)from, (void)count;
    return -EINVAL;
}

/* A changed number of expirations is what an edge is. */
static unsigned timer_events(const struct hl_node *node, unsigned access) {
    const struct hl_timer *timer = node->stream.state;
    (void)access;
    return timer->expirations > 0 ? HL_CAN_READ : 0;
}

static void release_timer(struct hl_node *node) {
    hl_timer_set(node->stream.state, HL_NEVER, 0);
    hl_block_give(node->stream.state, sizeof(struct hl_timer));
}

static const struct hl_operations timer_operations = {
    0, read_timer, write_timer, timer_events, unchanged, unchanged, release_timer, NULL};

long hl_timerfd_create(long clock, long flags) {
    if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK) || (int)clock < 0 || clock > CLOCK_TAI) return -EINVAL;
    struct hl_timer *timer = hl_block_take(sizeof *timer);
    if (!timer) return -ENOMEM;
    *timer = (struct hl_timer){.due = HL_NEVER, .clock = (int)clock};
    struct hl_node *node = hl_stream_create(&timer_operations, timer);
    if (node) return open_node(node, flags);
    hl_block_give(timer, sizeof *timer);
    return -ENOMEM;
}

static struct hl_timer *timer_of(long descriptor, long *error) {
    struct hl_open *open = hl_open_of(descriptor);
    bool timer = open && open->node->kind == HL_STREAM && open->node->stream.operations == &timer_operations;
    *error = open ? -EINVAL : -EBADF;
    return timer ? open->node->stream.state : NULL;
}

long hl_timerfd_settime(long descriptor, long flags, long new_value, long old_value) {
    long error;
    struct hl_timer *timer = timer_of(descriptor, &error);
    if (!timer) return error;
    return hl_timer_change(timer, flags & TFD_TIMER_ABSTIME, (const struct itimerspec *)new_value,
        (struct itimerspec *)old_value);
}

long hl_timerfd_gettime(long descriptor, long to) {
    long error;
    struct hl_timer *timer = timer_of(descriptor, &error);
    if (!timer) return error;
    uint64_t interval = timer->due == HL_NEVER ? 0 : timer->interval;
    *(struct itimerspec *)to = (struct itimerspec){hl_as_time(interval), hl_as_time(hl_timer_rest(timer))};
    return 0;
}
