/* A storage server on loopback: answers each path with the bytes of a file, after a fixed delay.
 *
 *     storage PORT DELAY_US PATH=FILE...
 *
 * A path ends at `?`. One thread; answers of a fixed delay leave in the order in which their requests came.
 */
#define _GNU_SOURCE
#include "../load/statistics.h"
#include "http.h"
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

struct route {
    char *path, *bytes;
    size_t length;
};

struct connection {
    int fd;
    size_t used;
    char head[HEAD_LIMIT + 1];
};

/* A connection that is closed while an answer waits keeps its memory until the answer was due. */
struct waiting {
    uint64_t due;
    struct connection *connection;
    const struct route *route;
};

static struct route routes[256];
static int route_count, poller;
static struct waiting *queue;
static size_t queue_head, queue_tail, queue_size = 1 << 16;

static void read_route(char *argument) {
    char *mark = strchr(argument, '=');
    if (!mark || route_count == 256) exit(2);
    *mark = 0;
    FILE *file = fopen(mark + 1, "r");
    if (!file || fseek(file, 0, SEEK_END) != 0) die(mark + 1);
    struct route *route = &routes[route_count++];
    route->path = argument;
    route->length = (size_t)ftell(file);
    rewind(file);
    route->bytes = malloc(route->length + 1);
    if (!route->bytes || fread(route->bytes, 1, route->length, file) != route->length) die(mark + 1);
    fclose(file);
}

static const struct route *find_route(const char *head) {
    char path[256] = "";
    sscanf(head, "%*s %255[^? \r\n]", path);
    for (int i = 0; i < route_count; i++)
        if (strcmp(routes[i].path, path) == 0) return &routes[i];
    return NULL;
}

static void end(struct connection *connection) {
    close(connection->fd);
    connection->fd = -1; /* leaked: an answer that waits may name it, and the server lives for one experiment */
}

/* Sockets do not block when answers are sent: they are read by clients that wait for them. */
static void reply(struct connection *connection, const struct route *route) {
    if (connection->fd < 0) return;
    int flags = fcntl(connection->fd, F_GETFL);
    fcntl(connection->fd, F_SETFL, flags & ~O_NONBLOCK);
    if (send_reply(connection->fd, route ? 200 : 404, route ? route->bytes : "", route ? route->length : 0) != 0)
        return end(connection);
    fcntl(connection->fd, F_SETFL, flags);
}

/* Requests have no body. */
static void receive(struct connection *connection, uint64_t delay) {
    char *free_space = connection->head + connection->used;
    ssize_t count = recv(connection->fd, free_space, HEAD_LIMIT - connection->used, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return end(connection);
    connection->used += (size_t)count;
    connection->head[connection->used] = 0;
    if (!strstr(connection->head, "\r\n\r\n")) return;
    const struct route *route = find_route(connection->head);
    connection->used = 0;
    if (delay == 0) return reply(connection, route);
    if (queue_tail - queue_head == queue_size) return end(connection);
    queue[queue_tail++ % queue_size] = (struct waiting){now_ns() + delay, connection, route};
}

static void accept_one(int listener) {
    int fd = accept_connection(listener);
    struct connection *connection = calloc(1, sizeof *connection);
    if (fd < 0 || !connection) return;
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

int main(int count, char **arguments) {
    if (count < 4) return fprintf(stderr, "usage: storage PORT DELAY_US PATH=FILE...\n"), 2;
    uint64_t delay = strtoull(arguments[2], NULL, 10) * 1000;
    for (int i = 3; i < count; i++) read_route(arguments[i]);
    prctl(PR_SET_TIMERSLACK, 1);
    queue = calloc(queue_size, sizeof *queue);
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(atoi(arguments[1]));
    struct epoll_event event = {.events = EPOLLIN}, events[64];
    if (!queue || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) die("epoll");
    for (;;) {
        uint64_t now = now_ns(), wait = 1000000000;
        for (; queue_head < queue_tail; queue_head++) {
            struct waiting *first = &queue[queue_head % queue_size];
            if (first->due > now) {
                wait = first->due - now;
                break;
            }
            reply(first->connection, first->route);
        }
        struct timespec time = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
        int ready = epoll_pwait2(poller, events, 64, &time, NULL);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) receive(events[i].data.ptr, delay);
            else accept_one(listener);
        }
    }
}
