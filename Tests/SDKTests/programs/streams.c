/* Pipes, pairs of sockets, counters and timers within one process, and waiting for them. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static void *writes_slowly(void *argument) {
    for (int i = 0; i < 3; i++) {
        sleep(1);
        CHECK(write(*(int *)argument, "abc", 3) == 3);
    }
    close(*(int *)argument);
    return NULL;
}

static volatile int broken;

static void on_broken(int signal) { broken = signal; }

static void pipes(void) {
    int ends[2];
    char text[16] = "", large[100000];
    struct stat status;
    CHECK(pipe(ends) == 0 && write(ends[1], "abc", 3) == 3 && read(ends[0], text, 8) == 3 && strcmp(text, "abc") == 0);
    CHECK(fstat(ends[0], &status) == 0 && S_ISFIFO(status.st_mode));
    REFUSED(ESPIPE, (int)lseek(ends[0], 0, SEEK_CUR));
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    REFUSED(EAGAIN, (int)read(ends[0], text, 1));
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 && write(ends[1], large, sizeof large) == 65536);
    REFUSED(EAGAIN, (int)write(ends[1], text, 1));
    CHECK(read(ends[0], large, sizeof large) == 65536 && close(ends[1]) == 0 && read(ends[0], text, 1) == 0);
    CHECK(close(ends[0]) == 0);
    signal(SIGPIPE, on_broken);
    CHECK(pipe2(ends, O_CLOEXEC) == 0 && close(ends[0]) == 0);
    REFUSED(EPIPE, (int)write(ends[1], "x", 1));
    CHECK(broken == SIGPIPE && close(ends[1]) == 0);
    /* Between threads a pipe is waited for. */
    pthread_t thread;
    CHECK(pipe(ends) == 0 && pthread_create(&thread, NULL, writes_slowly, &ends[1]) == 0);
    int total = 0;
    for (ssize_t got; (got = read(ends[0], text, sizeof text)) > 0;) total += (int)got;
    CHECK(total == 9 && pthread_join(thread, NULL) == 0 && close(ends[0]) == 0);
}

static void *opens_to_read(void *argument) {
    char text[8] = "";
    int file = open("/tmp/named", O_RDONLY);
    (void)argument;
    CHECK(file >= 0 && read(file, text, 8) == 2 && strcmp(text, "hi") == 0 && close(file) == 0);
    return NULL;
}

static void named_pipe(void) {
    pthread_t thread;
    CHECK(mkfifo("/tmp/named", 0600) == 0 && pthread_create(&thread, NULL, opens_to_read, NULL) == 0);
    REFUSED(ENXIO, open("/tmp/named", O_WRONLY | O_NONBLOCK));
    int file = open("/tmp/named", O_WRONLY);
    CHECK(file >= 0 && write(file, "hi", 2) == 2 && close(file) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(unlink("/tmp/named") == 0);
}

static void sockets(void) {
    int pair[2], type;
    socklen_t size = sizeof type;
    char text[16] = "", second[16] = "";
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM);
    CHECK(send(pair[0], "hello", 5, 0) == 5 && recv(pair[1], text, 16, MSG_PEEK) == 5 && read(pair[1], text, 16) == 5);
    CHECK(strcmp(text, "hello") == 0 && write(pair[1], "back", 4) == 4 && read(pair[0], text, 16) == 4);
    REFUSED(EAGAIN, (int)recv(pair[0], text, 1, MSG_DONTWAIT));
    CHECK(shutdown(pair[0], SHUT_WR) == 0 && read(pair[1], text, 16) == 0 && write(pair[1], "x", 1) == 1);
    CHECK(close(pair[0]) == 0);
    REFUSED(EPIPE, (int)send(pair[1], "x", 1, MSG_NOSIGNAL));
    CHECK(close(pair[1]) == 0 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
    struct iovec parts[2] = {{"one ", 4}, {"two", 3}}, into[2] = {{text, 4}, {second, 16}};
    struct msghdr out = {.msg_iov = parts, .msg_iovlen = 2}, in = {.msg_iov = into, .msg_iovlen = 2};
    CHECK(sendmsg(pair[0], &out, 0) == 7 && send(pair[0], "three", 5, 0) == 5);
    CHECK(recvmsg(pair[1], &in, 0) == 7 && memcmp(text, "one ", 4) == 0 && memcmp(second, "two", 3) == 0);
    CHECK(recv(pair[1], text, 2, MSG_TRUNC) == 5 && memcmp(text, "th", 2) == 0);
    REFUSED(EAGAIN, (int)recv(pair[1], text, 2, MSG_DONTWAIT));
    CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
    REFUSED(EAFNOSUPPORT, socket(AF_INET, SOCK_STREAM, 0));
}

static void polling(void) {
    int ends[2], counter = eventfd(0, EFD_NONBLOCK);
    uint64_t value = 3;
    CHECK(pipe(ends) == 0 && counter >= 0);
    struct pollfd polled[3] = {{.fd = ends[0], .events = POLLIN}, {.fd = counter, .events = POLLIN}, {.fd = -1}};
    time_t before = time(NULL);
    CHECK(poll(polled, 3, 5000) == 0 && time(NULL) - before == 5);
    CHECK(write(counter, &value, 8) == 8 && poll(polled, 3, -1) == 1 && polled[1].revents == POLLIN);
    value = 0;
    CHECK(read(counter, &value, 8) == 8 && value == 3);
    REFUSED(EAGAIN, (int)read(counter, &value, 8));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, writes_slowly, &ends[1]) == 0);
    CHECK(poll(polled, 1, -1) == 1 && polled[0].revents & POLLIN && pthread_join(thread, NULL) == 0);
    fd_set set;
    struct timeval timeout = {1, 0};
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    FD_SET(counter, &set);
    CHECK(select(16, &set, NULL, NULL, &timeout) == 1 && FD_ISSET(ends[0], &set) && !FD_ISSET(counter, &set));
    char rest[16];
    CHECK(read(ends[0], rest, 16) == 9 && poll(polled, 1, 0) == 1 && polled[0].revents == POLLHUP);
    CHECK(close(ends[0]) == 0 && close(counter) == 0);
}

static void event_poll(void) {
    int ends[2], set = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = 5}, told[4];
    char text[8];
    uint64_t expirations;
    CHECK(set >= 0 && timer >= 0 && pipe(ends) == 0 && epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) == 0);
    REFUSED(EEXIST, epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
    REFUSED(EPERM, epoll_ctl(set, EPOLL_CTL_ADD, 0, &event));
    CHECK(epoll_wait(set, told, 4, 0) == 0 && write(ends[1], "a", 1) == 1);
    CHECK(epoll_wait(set, told, 4, -1) == 1 && told[0].data.u32 == 5 && told[0].events == EPOLLIN);
    CHECK(epoll_wait(set, told, 4, 0) == 0 && write(ends[1], "b", 1) == 1 && epoll_wait(set, told, 4, 0) == 1);
    CHECK(read(ends[0], text, 8) == 2);
    event = (struct epoll_event){.events = EPOLLIN, .data.u32 = 6};
    struct itimerspec each = {{2, 0}, {1, 500000000}};
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, timer, &event) == 0 && timerfd_settime(timer, 0, &each, NULL) == 0);
    time_t before = time(NULL);
    CHECK(epoll_wait(set, told, 4, -1) == 1 && told[0].data.u32 == 6 && read(timer, &expirations, 8) == 8);
    CHECK(expirations == 1 && read(timer, &expirations, 8) == 8 && time(NULL) - before >= 3);
    /* A closed descriptor is in no set any more. */
    CHECK(close(timer) == 0 && close(ends[1]) == 0 && epoll_wait(set, told, 4, 0) == 1 && told[0].events & EPOLLHUP);
    CHECK(close(ends[0]) == 0 && epoll_wait(set, told, 4, 100) == 0 && close(set) == 0);
}

static volatile int alarms;

static void on_alarm(int signal) {
    (void)signal;
    alarms++;
}

static void notified(union sigval value) { alarms += value.sival_int; }

static void timers(void) {
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval each = {{0, 100000}, {1, 0}}, left;
    sigaction(SIGALRM, &action, NULL);
    alarm(2);
    time_t before = time(NULL);
    REFUSED(EINTR, pause());
    CHECK(alarms == 1 && time(NULL) - before == 2 && setitimer(ITIMER_REAL, &each, NULL) == 0);
    while (alarms < 5) usleep(1000);
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_interval.tv_usec == 100000);
    memset(&each, 0, sizeof each);
    CHECK(setitimer(ITIMER_REAL, &each, NULL) == 0 && sleep(3) == 0 && alarms == 5);
    timer_t timer;
    struct sigevent by_thread = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notified};
    by_thread.sigev_value.sival_int = 100;
    struct itimerspec once = {{0, 0}, {1, 0}};
    CHECK(timer_create(CLOCK_MONOTONIC, &by_thread, &timer) == 0 && timer_settime(timer, 0, &once, NULL) == 0);
    sleep(2);
    CHECK(alarms == 105 && timer_delete(timer) == 0);
}

int main(void) {
    pipes();
    named_pipe();
    sockets();
    polling();
    event_poll();
    timers();
    puts("all good");
    return 0;
}
