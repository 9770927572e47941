/* An HTTP/1.1 load generator for one server on this machine, on keep-alive connections and one thread.
 *
 *     loadgen --port N [--path P] [--method M] [--body FILE] [--expect FILE] [--header LINE]...
 *             [--requests N] [--warmup N] [--connections N] [--rate PER_SECOND] [--cpu N] [--refusals 1]
 *
 * Without --rate each connection sends its next request when it has its answer. With --rate, requests are due at fixed
 * times, and one that a slow answer holds up counts from when it was due, so that no wait of the server's is left out;
 * the generator's own lateness in waking up is not the server's and is reported apart, as late_p50 and so on.
 * Every answer must be 200 and, with --expect, its body the file's bytes. Prints one line of key=value words, times in
 * microseconds, and exits with 1 if an answer was wrong. With --refusals, answers 429 and 503 are no mistakes: they are
 * counted as refused, the times are those of the other answers, and goodput is how many of these there were a second.
 */
#define _GNU_SOURCE
#include "answer.h"
#include "statistics.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct bytes {
    char *start;
    size_t length;
};

struct connection {
    int fd;
    uint64_t started; /* 0 while no request is under way */
    size_t sent, used, capacity;
    char *buffer;
};

static struct {
    const char *path, *method, *body, *expect;
    size_t requests, warmup, connections;
    double rate;
    int port, cpu, refusals;
} options = {.path = "/", .method = "POST", .requests = 10000, .warmup = 1000, .connections = 1, .cpu = -1};

static char extra_headers[4096];
static struct bytes request, expected;
static uint64_t *times, *lateness;
static size_t answered, errors, mismatches, late_count, recorded, refused;

static void fail(const char *what) {
    fprintf(stderr, "loadgen: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

static struct bytes read_file(const char *path) {
    struct bytes bytes = {malloc(1), 0};
    if (!path) return bytes;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) fail(path);
    bytes.length = (size_t)status.st_size;
    bytes.start = realloc(bytes.start, bytes.length + 1);
    if (!bytes.start || read(fd, bytes.start, bytes.length) != (ssize_t)bytes.length) fail(path);
    close(fd);
    return bytes;
}

static void make_request(void) {
    struct bytes body = read_file(options.body);
    request.start = malloc(body.length + sizeof extra_headers + 1024);
    if (!request.start) fail("memory");
    int head = sprintf(request.start, "%s %.512s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%sContent-Length: %zu\r\n\r\n",
                       options.method, options.path, options.port, extra_headers, body.length);
    memcpy(request.start + head, body.start, body.length);
    request.length = (size_t)head + body.length;
    free(body.start);
}

static void open_connection(struct connection *connection) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    *connection = (struct connection){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .capacity = 1 << 16};
    connection->buffer = malloc(connection->capacity);
    if (connection->fd < 0 || !connection->buffer) fail("socket");
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* The length of the complete answer at the buffer's start, or 0; notes its status and checks its body. */
static size_t complete_answer(struct connection *connection, int *is_refusal) {
    struct answer answer = find_answer(connection->buffer, connection->used);
    if (answer.length == 0) return 0;
    *is_refusal = options.refusals && (answer.status == 429 || answer.status == 503);
    if (*is_refusal) return answer.length;
    if (answer.status != 200) {
        if (errors++ == 0) fprintf(stderr, "loadgen: %.*s\n", (int)answer.length, connection->buffer);
    } else if (options.expect &&
               (answer.body_length != expected.length || memcmp(answer.body, expected.start, expected.length) != 0)) {
        mismatches++;
    }
    return answer.length;
}

/* Sends what the socket takes; more follows when it is writable again. */
static void send_some(struct connection *connection) {
    while (connection->sent < request.length) {
        ssize_t count = send(connection->fd, request.start + connection->sent, request.length - connection->sent,
                             MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0 && errno != EINTR) fail("send");
        if (count > 0) connection->sent += (size_t)count;
    }
}

static void start(struct connection *connection, uint64_t time) {
    connection->started = time;
    connection->sent = 0;
    send_some(connection);
}

/* Receives once; true when the answer is complete, whose time is then recorded. */
static int receive(struct connection *connection) {
    if (connection->capacity - connection->used < 4096) {
        connection->capacity *= 2;
        connection->buffer = realloc(connection->buffer, connection->capacity);
        if (!connection->buffer) fail("memory");
    }
    errno = 0; /* whoever drains the socket looks for EAGAIN */
    ssize_t count = recv(connection->fd, connection->buffer + connection->used,
                         connection->capacity - connection->used, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (count == 0) errno = 0;
    if (count <= 0) fail("the server closed a connection");
    connection->used += (size_t)count;
    int is_refusal = 0;
    size_t length = complete_answer(connection, &is_refusal);
    if (length == 0) return 0;
    if (answered >= options.warmup) {
        if (is_refusal) refused++;
        else times[recorded++] = now_ns() - connection->started;
    }
    answered++;
    connection->used = 0;
    connection->started = 0;
    return 1;
}

/* Waits until `due`; gives the time from which a request due then counts. */
static uint64_t wait_until(uint64_t due) {
    uint64_t now = now_ns();
    if (now >= due) return due;
    struct timespec time = {(time_t)(due / 1000000000), (long)(due % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {}
    now = now_ns();
    lateness[late_count++] = now - due;
    return now;
}

/* One connection: no poller between request and answer, as in a client that waits. */
static uint64_t run_single(struct connection *connection, size_t total) {
    uint64_t period = options.rate > 0 ? (uint64_t)(1e9 / options.rate) : 0, due = now_ns() + period, began = 0;
    for (size_t i = 0; i < total; i++, due += period) {
        uint64_t time = period ? wait_until(due) : now_ns();
        if (i == options.warmup) began = time;
        start(connection, time);
        while (!receive(connection)) {}
    }
    return now_ns() - began;
}

/* Many connections: due requests go to whichever connection is free; `waiting` counts those that none was free for. */
static uint64_t run_many(struct connection *connections, size_t total) {
    int poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[256];
    struct connection **idle = malloc(options.connections * sizeof *idle);
    size_t idle_count = 0, started = 0;
    for (size_t i = 0; i < options.connections; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &connections[i]};
        fcntl(connections[i].fd, F_SETFL, O_NONBLOCK);
        if (epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &event) != 0) fail("epoll_ctl");
        idle[idle_count++] = &connections[i];
    }
    uint64_t period = options.rate > 0 ? (uint64_t)(1e9 / options.rate) : 0, first = now_ns(), began = first;
    while (answered < total) {
        uint64_t now = now_ns();
        while (idle_count > 0 && started < total && (!period || first + started * period <= now)) {
            start(idle[--idle_count], period ? first + started * period : now);
            started++;
        }
        struct timespec wait = {1, 0};
        if (period && idle_count > 0 && started < total) {
            uint64_t next = first + started * period;
            wait = (struct timespec){0, next > now ? (long)(next - now) : 0};
        }
        int ready = epoll_pwait2(poller, events, 256, &wait, NULL);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection->started) continue;
            if (events[i].events & EPOLLOUT) send_some(connection);
            while (events[i].events & EPOLLIN) {
                if (receive(connection)) {
                    if (answered == options.warmup) began = now_ns();
                    idle[idle_count++] = connection;
                    break;
                }
                if (errno == EAGAIN) break;
            }
        }
    }
    return now_ns() - began;
}

static void parse(int count, char **arguments) {
    static const struct option long_options[] = {
        {"port", 1, 0, 'p'},     {"path", 1, 0, 'u'},    {"method", 1, 0, 'm'},      {"body", 1, 0, 'b'},
        {"expect", 1, 0, 'e'},   {"header", 1, 0, 'h'},  {"requests", 1, 0, 'n'},    {"warmup", 1, 0, 'w'},
        {"rate", 1, 0, 'r'},     {"cpu", 1, 0, 'c'},     {"connections", 1, 0, 'k'}, {"refusals", 1, 0, 'f'}, {0, 0, 0, 0}};
    int option;
    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'u': options.path = optarg; break;
        case 'm': options.method = optarg; break;
        case 'b': options.body = optarg; break;
        case 'e': options.expect = optarg; break;
        case 'h':
            if (strlen(extra_headers) + strlen(optarg) + 3 > sizeof extra_headers) fail("too many headers");
            strcat(strcat(extra_headers, optarg), "\r\n");
            break;
        case 'n': options.requests = strtoul(optarg, NULL, 10); break;
        case 'w': options.warmup = strtoul(optarg, NULL, 10); break;
        case 'r': options.rate = strtod(optarg, NULL); break;
        case 'c': options.cpu = atoi(optarg); break;
        case 'f': options.refusals = atoi(optarg); break;
        case 'k': options.connections = strtoul(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (options.port == 0 || options.requests == 0 || options.connections == 0) fail("--port is missing");
}

int main(int count, char **arguments) {
    parse(count, arguments);
    if (options.cpu >= 0) pin_to(options.cpu);
    prctl(PR_SET_TIMERSLACK, 1);
    make_request();
    expected = read_file(options.expect);
    size_t total = options.requests + options.warmup;
    times = calloc(total, sizeof *times);
    lateness = calloc(total, sizeof *lateness);
    struct connection *connections = calloc(options.connections, sizeof *connections);
    if (!times || !lateness || !connections) fail("memory");
    for (size_t i = 0; i < options.connections; i++) open_connection(&connections[i]);

    uint64_t elapsed = options.connections == 1 ? run_single(connections, total) : run_many(connections, total);
    printf("requests=%zu errors=%zu mismatches=%zu rate=%.1f ", options.requests, errors, mismatches,
           (double)options.requests * 1e9 / (double)elapsed);
    if (options.refusals) printf("refused=%zu goodput=%.1f ", refused, (double)recorded * 1e9 / (double)elapsed);
    print_times("", times, recorded);
    if (late_count) {
        printf(" ");
        print_times("late_", lateness, late_count);
    }
    printf("\n");
    return errors || mismatches ? 1 : 0;
}
