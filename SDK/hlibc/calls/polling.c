/* poll(2) and select(2): files are always ready, streams when they say so. */
#include "thread.h"
#include "calls.h"
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <time.h>

static short poll_events(const struct hl_open *open, short wanted) {
    unsigned events = hl_events_of(open);
    short result = 0;
    if (events & HL_CAN_READ) result |= wanted & (POLLIN | POLLRDNORM);
    if (events & HL_CAN_WRITE && !(events & HL_HUNG_UP)) result |= wanted & (POLLOUT | POLLWRNORM);
    if (events & HL_HUNG_UP) result |= POLLHUP;
    if (events & HL_BROKEN) result |= POLLERR;
    if (events & HL_HALF_CLOSED) result |= wanted & POLLRDHUP;
    return result;
}

struct polled {
    struct pollfd *list;
    unsigned long count;
    long ready;
};

static bool poll_now(void *argument) {
    struct polled *polled = argument;
    polled->ready = 0;
    for (unsigned long i = 0; i < polled->count; i++) {
        struct pollfd *one = &polled->list[i];
        struct hl_open *open = one->fd < 0 ? NULL : hl_open_of(one->fd);
        one->revents = one->fd < 0 ? 0 : open ? poll_events(open, one->events) : POLLNVAL;
        if (one->revents) polled->ready++;
    }
    return polled->ready > 0;
}

/* Waits with another mask of signals, when there is one. */
static long wait_masked(bool (*ready)(void *), void *argument, uint64_t until, long mask, const char *what) {
    uint64_t before = hl_current->blocked;
    if (mask) memcpy(&hl_current->blocked, (const void *)mask, sizeof before);
    long result = ready(argument) && !hl_signal_due(hl_current) ? 0 : hl_wait(ready, argument, until, false, what);
    hl_current->blocked = before;
    return result;
}

/* When nothing is ready and nothing is waited for, the others have their turn. */
static uint64_t end_of(const struct timespec *time) {
    if (!time) return HL_NEVER;
    uint64_t duration = hl_nanoseconds(time);
    if (duration == 0) hl_give_way();
    return hl_elapsed() + duration;
}

static long poll_for(long list, long count, const struct timespec *timeout, long mask) {
    struct polled polled = {(struct pollfd *)list, (unsigned long)count, 0};
    if ((unsigned long)count > HL_DESCRIPTORS) return -EINVAL;
    if (timeout && !hl_valid_time(timeout)) return -EINVAL;
    long result = wait_masked(poll_now, &polled, end_of(timeout), mask, "waits for ever in poll");
    if (result == -EINTR) return result;
    poll_now(&polled);
    return polled.ready;
}

long hl_poll(long list, long count, long timeout) {
    struct timespec time = {(int)timeout / 1000, (int)timeout % 1000 * 1000000L};
    return poll_for(list, count, (int)timeout < 0 ? NULL : &time, 0);
}

long hl_ppoll(long list, long count, long timeout, long mask) {
    return poll_for(list, count, (const struct timespec *)timeout, mask);
}

struct selected {
    long count;
    const fd_set *wanted[3];
    fd_set found[3];
    long ready;
};

static const unsigned select_events[3] = {
    HL_CAN_READ | HL_HUNG_UP | HL_BROKEN | HL_HALF_CLOSED, HL_CAN_WRITE | HL_BROKEN, 0};

static bool select_now(void *argument) {
    struct selected *selected = argument;
    memset(selected->found, 0, sizeof selected->found);
    selected->ready = 0;
    for (int set = 0; set < 2; set++) {
        for (int i = 0; selected->wanted[set] && i < selected->count; i++) {
            if (!FD_ISSET(i, selected->wanted[set])) continue;
            struct hl_open *open = hl_open_of(i);
            if (!open || !(hl_events_of(open) & select_events[set])) continue;
            FD_SET(i, &selected->found[set]);
            selected->ready++;
        }
    }
    return selected->ready > 0;
}

static bool all_open(const struct selected *selected) {
    for (int set = 0; set < 3; set++)
        for (int i = 0; selected->wanted[set] && i < selected->count; i++)
            if (FD_ISSET(i, selected->wanted[set]) && !hl_open_of(i)) return false;
    return true;
}

static long select_for(long count, const long sets[3], const struct timespec *timeout, long mask) {
    struct selected selected = {.count = count};
    if (count < 0 || count > FD_SETSIZE || (timeout && !hl_valid_time(timeout))) return -EINVAL;
    for (int i = 0; i < 3; i++) selected.wanted[i] = (const fd_set *)sets[i];
    if (!all_open(&selected)) return -EBADF;
    long result = wait_masked(select_now, &selected, end_of(timeout), mask, "waits for ever in select");
    if (result == -EINTR) return result;
    select_now(&selected);
    for (int i = 0; i < 3; i++)
        if (sets[i]) memcpy((void *)sets[i], &selected.found[i], ((size_t)count + 63) / 64 * 8);
    return selected.ready;
}

long hl_select(long count, long read, long write, long except, long timeout) {
    const struct timeval *time = (const struct timeval *)timeout;
    struct timespec duration = {time ? time->tv_sec : 0, time ? time->tv_usec * 1000L : 0};
    return select_for(count, (const long[]){read, write, except}, time ? &duration : NULL, 0);
}

/* The mask comes with its size, in a structure of two words. */
long hl_pselect(long count, long read, long write, long except, long timeout, long mask) {
    return select_for(count, (const long[]){read, write, except}, (const struct timespec *)timeout,
        mask ? *(const long *)mask : 0);
}
