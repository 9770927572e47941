/* The little HTTP/1.1 that the peers' servers need: blocking connections, requests with Content-Length. */
#ifndef BENCHMARKS_HTTP_H
#define BENCHMARKS_HTTP_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEAD_LIMIT = 16384, BODY_LIMIT = 16 << 20 };

struct request {
    int fd;
    size_t used;                /* bytes of `head` read so far */
    char head[HEAD_LIMIT + 1];  /* the head, NUL-terminated, and what of the body came with it */
    char path[256];
    char *body;
    size_t body_length;
};

static inline void die(const char *what) {
    perror(what);
    exit(1);
}

/* Listens on loopback and says so, as the harness waits for. */
static inline int listen_on(int port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0)
        die("listen");
    puts("Socket ready");
    fflush(stdout);
    return fd;
}

static inline int accept_connection(int listener) {
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static inline int write_all(int fd, const void *bytes, size_t length) {
    for (const char *at = bytes; length > 0;) {
        ssize_t count = write(fd, at, length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        at += count, length -= (size_t)count;
    }
    return 0;
}

static inline int read_all(int fd, void *bytes, size_t length) {
    for (char *at = bytes; length > 0;) {
        ssize_t count = read(fd, at, length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        at += count, length -= (size_t)count;
    }
    return 0;
}

/* Reads the next request of a connection; -1 at its end or when it is none. The body is valid until the next call. */
static inline int read_request(struct request *request) {
    char *blank;
    request->used = 0;
    for (;;) {
        request->head[request->used] = 0;
        if ((blank = strstr(request->head, "\r\n\r\n"))) break;
        ssize_t count = read(request->fd, request->head + request->used, HEAD_LIMIT - request->used);
        if (count <= 0) return -1;
        request->used += (size_t)count;
    }
    request->body_length = 0;
    for (char *line = request->head; line < blank; line = strchr(line, '\n') + 1)
        if (strncasecmp(line, "content-length:", 15) == 0) request->body_length = strtoul(line + 15, NULL, 10);
    if (sscanf(request->head, "%*s %255s", request->path) != 1 || request->body_length > BODY_LIMIT) return -1;
    size_t there = request->used - (size_t)(blank + 4 - request->head);
    if (there > request->body_length) return -1; /* no pipelining */
    request->body = realloc(request->body, request->body_length + 1);
    if (!request->body) return -1;
    memcpy(request->body, blank + 4, there);
    return read_all(request->fd, request->body + there, request->body_length - there);
}

static inline int send_reply(int fd, int status, const void *body, size_t length) {
    char head[128];
    int size = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n\r\n", status,
                        status == 200 ? "OK" : "Failed", length);
    struct iovec parts[] = {{head, (size_t)size}, {(void *)body, length}};
    ssize_t count = writev(fd, parts, 2);
    if (count < size) return -1;
    return write_all(fd, (const char *)body + (count - size), length - (size_t)(count - size));
}

#endif
