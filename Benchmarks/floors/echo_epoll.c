/* The floor of the front end: an epoll loop that answers every HTTP/1.1 request with its own body.
 *
 *     echo_epoll PORT [CPU]
 *
 * It reads no header but Content-Length and checks nothing; requests must fit 1 MiB. Prints "Socket ready".
 */
#define _GNU_SOURCE
#include "../load/statistics.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE (1u << 20)

struct connection {
    int fd;
    size_t used;
    char buffer[BUFFER_SIZE];
};

static void check(int result, const char *what) {
    if (result >= 0) return;
    perror(what);
    exit(1);
}

static int listen_on(uint16_t port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    check(fd, "socket");
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "SO_REUSEADDR");
    check(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    check(listen(fd, 1024), "listen");
    return fd;
}

/* Answers the requests that have arrived completely; false when the connection is to be closed. */
static int answer(struct connection *connection) {
    char *start = connection->buffer, *end = start + connection->used;
    for (;;) {
        char *blank = memmem(start, (size_t)(end - start), "\r\n\r\n", 4);
        if (!blank) break;
        size_t length = 0;
        for (char *line = start; line < blank; line = (char *)memchr(line, '\n', (size_t)(end - line)) + 1)
            if (strncasecmp(line, "content-length:", 15) == 0) length = strtoul(line + 15, NULL, 10);
        char *body = blank + 4;
        if ((size_t)(end - body) < length) break;
        char reply[256];
        int head = snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);
        struct iovec parts[] = {{reply, (size_t)head}, {body, length}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        if (sendmsg(connection->fd, &message, MSG_NOSIGNAL) != (ssize_t)(length + (size_t)head)) return 0;
        start = body + length;
    }
    connection->used = (size_t)(end - start);
    if (connection->used && start != connection->buffer) memmove(connection->buffer, start, connection->used);
    return connection->used < BUFFER_SIZE;
}

static void serve(struct connection *connection) {
    ssize_t count = recv(connection->fd, connection->buffer + connection->used, BUFFER_SIZE - connection->used, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count > 0) {
        connection->used += (size_t)count;
        if (answer(connection)) return;
    }
    close(connection->fd);
    free(connection);
}

static void accept_one(int poller, int listener) {
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *connection = malloc(sizeof *connection);
    if (!connection) exit(1);
    connection->fd = fd;
    connection->used = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    check(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

int main(int count, char **arguments) {
    if (count < 2) return fprintf(stderr, "usage: echo_epoll PORT [CPU]\n"), 2;
    if (count > 2) pin_to(atoi(arguments[2]));
    int listener = listen_on((uint16_t)atoi(arguments[1])), poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[64];
    check(epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
    puts("Socket ready");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) serve(events[i].data.ptr);
            else accept_one(poller, listener);
        }
    }
}
