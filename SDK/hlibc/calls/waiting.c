/* Waiting: files are always ready, and nobody else could wake the one thread that there is. */
#include "calls.h"
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <time.h>

static long poll_for(struct pollfd *polled, unsigned long count, uint64_t timeout, bool forever) {
    long ready = 0;
    for (unsigned long i = 0; i < count; i++) {
        polled[i].revents = 0;
        if (polled[i].fd < 0) continue;
        polled[i].revents = (short)(hl_open_of(polled[i].fd) ? polled[i].events & (POLLIN | POLLOUT) : POLLNVAL);
        if (polled[i].revents) ready++;
    }
    if (ready == 0 && forever) hl_die("waits for ever in poll", SIGALRM);
    if (ready == 0) hl_sleep(timeout);
    return ready;
}

static uint64_t nanoseconds(const struct timespec *time) {
    return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

long hl_poll(long polled, long count, long timeout) {
    return poll_for((struct pollfd *)polled, (unsigned long)count, (uint64_t)(int)timeout * 1000000, (int)timeout < 0);
}

long hl_ppoll(long polled, long count, long timeout) {
    const struct timespec *time = (const struct timespec *)timeout;
    return poll_for((struct pollfd *)polled, (unsigned long)count, time ? nanoseconds(time) : 0, !time);
}

/* Leaves the descriptors that are open in `set`; -EBADF when another is asked for. */
static long select_from(long count, fd_set *set) {
    long ready = 0;
    for (int i = 0; set && i < count; i++) {
        if (!FD_ISSET(i, set)) continue;
        if (!hl_open_of(i)) return -EBADF;
        ready++;
    }
    return ready;
}

static long select_for(long count, long read, long write, long except, uint64_t timeout, bool forever) {
    if (count < 0 || count > FD_SETSIZE) return -EINVAL;
    long readable = select_from(count, (fd_set *)read), writable = select_from(count, (fd_set *)write);
    if (readable < 0 || writable < 0) return -EBADF;
    for (int i = 0; except && i < count; i++) FD_CLR(i, (fd_set *)except);
    if (readable + writable == 0 && forever) hl_die("waits for ever in select", SIGALRM);
    if (readable + writable == 0) hl_sleep(timeout);
    return readable + writable;
}

long hl_select(long count, long read, long write, long except, long timeout) {
    const struct timeval *time = (const struct timeval *)timeout;
    uint64_t duration = time ? (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_usec * 1000 : 0;
    return select_for(count, read, write, except, duration, !time);
}

long hl_pselect(long count, long read, long write, long except, long timeout) {
    const struct timespec *time = (const struct timespec *)timeout;
    return select_for(count, read, write, except, time ? nanoseconds(time) : 0, !time);
}

/* futex(2). There is nobody to wake; a wait without an end is a deadlock. */
long hl_futex(long word, long operation, long value, long timeout, long other, long other_value) {
    (void)other;
    (void)other_value;
    switch (operation & 127) {
    case 0: /* FUTEX_WAIT */
    case 9: /* FUTEX_WAIT_BITSET */
        if (*(volatile int *)word != (int)value) return -EAGAIN;
        if (!timeout) hl_die("waits for a lock or condition that no other thread can give", SIGALRM);
        if ((operation & 127) == 0) hl_sleep(nanoseconds((const struct timespec *)timeout));
        return -ETIMEDOUT;
    case 1: /* FUTEX_WAKE */
    case 3: /* FUTEX_REQUEUE */
    case 4: /* FUTEX_CMP_REQUEUE */
        return 0;
    default: return -ENOSYS;
    }
}
