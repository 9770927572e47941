/* An open-loop load generator: sends each request of a schedule when it is due, whatever the server does.
 *
 *     replay --port N --kinds FILE --plan FILE --out FILE [--connections MAX] [--grace SECONDS] [--cpu N]
 *
 * A line of the kinds file is a kind of request: METHOD PATH BODY_FILE EXPECT_FILE CONTENT_TYPE, `-` for none. A line
 * of the plan is one request: the microsecond after the start at which it is due, and the number of its kind; in
 * order of time. Requests go to an idle keep-alive connection, or to a new one while there are fewer than MAX; else
 * they wait, and the wait counts: a latency runs from the due time to the last byte of the answer (no coordinated
 * omission). After the last due time unanswered requests have GRACE seconds more.
 *
 * The first line of the output is the start in ns of CLOCK_MONOTONIC, each further one `KIND DUE_US SENT_US DONE_US STATUS`:
 * times since the start; status 0 without an answer, 1 with a wrong body.
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
#include <unistd.h>

struct kind {
    char *request, *expect;
    size_t request_length, expect_length;
};

struct entry {
    uint64_t due, sent, done; /* ns since the start */
    uint32_t kind, status;
};

struct connection {
    int fd;
    struct entry *entry; /* under way, or NULL */
    size_t sent, used, capacity;
    char *buffer;
    struct connection *next_idle;
};

static struct {
    const char *kinds, *plan, *out;
    size_t connections;
    double grace;
    int port, cpu;
} options = {.connections = 256, .grace = 10, .cpu = -1};

static struct kind kinds[1024];
static size_t kind_count, entry_count, open_connections, unanswered;
static struct entry *entries;
static struct connection *idle;
static int poller;
static uint64_t start_time;

static void fail(const char *what) {
    fprintf(stderr, "replay: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

static uint64_t elapsed(void) { return now_ns() - start_time; }

static char *read_file(const char *path, size_t *length) {
    *length = 0;
    if (strcmp(path, "-") == 0) return NULL;
    FILE *file = fopen(path, "r");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail(path);
    *length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*length + 1);
    if (!bytes || fread(bytes, 1, *length, file) != *length) fail(path);
    fclose(file);
    return bytes;
}

static void read_kinds(void) {
    FILE *file = fopen(options.kinds, "r");
    char method[16], path[1024], body_path[1024], expect_path[1024], type[128];
    if (!file) fail(options.kinds);
    while (fscanf(file, "%15s %1023s %1023s %1023s %127s", method, path, body_path, expect_path, type) == 5) {
        if (kind_count == 1024) fail("too many kinds");
        struct kind *kind = &kinds[kind_count++];
        size_t length;
        char *body = read_file(body_path, &length), head[2048], type_line[160] = "";
        kind->expect = read_file(expect_path, &kind->expect_length);
        if (strcmp(type, "-") != 0) snprintf(type_line, sizeof type_line, "Content-Type: %s\r\n", type);
        int size = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%sContent-Length: %zu\r\n\r\n",
                            method, path, options.port, type_line, length);
        kind->request_length = (size_t)size + length;
        kind->request = malloc(kind->request_length);
        if (!kind->request) fail("memory");
        memcpy(kind->request, head, (size_t)size);
        if (length) memcpy(kind->request + size, body, length);
        free(body);
    }
    fclose(file);
}

static void read_plan(void) {
    FILE *file = fopen(options.plan, "r");
    size_t capacity = 0;
    double due;
    unsigned kind;
    if (!file) fail(options.plan);
    while (fscanf(file, "%lf %u", &due, &kind) == 2) {
        if (kind >= kind_count) fail("the plan names a kind that there is not");
        if (entry_count == capacity) {
            capacity = capacity ? 2 * capacity : 4096;
            entries = realloc(entries, capacity * sizeof *entries);
            if (!entries) fail("memory");
        }
        entries[entry_count++] = (struct entry){.due = (uint64_t)(due * 1000), .kind = kind};
    }
    fclose(file);
}

static struct connection *open_connection(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection || !(connection->buffer = malloc(connection->capacity = 1 << 16))) fail("memory");
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect");
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event) != 0) fail("epoll_ctl");
    open_connections++;
    return connection;
}

/* A request whose connection broke has no answer; the connection is closed, and a later request opens another. */
static void drop(struct connection *connection) {
    close(connection->fd);
    connection->fd = -1; /* not freed: events of this round may still name it; there are few such */
    open_connections--;
    if (connection->entry) unanswered--;
    connection->entry = NULL;
}

static void send_some(struct connection *connection) {
    const struct kind *kind = &kinds[connection->entry->kind];
    while (connection->sent < kind->request_length) {
        ssize_t count = send(connection->fd, kind->request + connection->sent, kind->request_length - connection->sent,
                             MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0 && errno != EINTR) return drop(connection);
        if (count > 0) connection->sent += (size_t)count;
    }
}

static void start(struct connection *connection, struct entry *entry) {
    connection->entry = entry;
    connection->sent = 0;
    entry->sent = elapsed();
    unanswered++;
    send_some(connection);
}

static void finish(struct connection *connection, struct answer answer) {
    struct entry *entry = connection->entry;
    const struct kind *kind = &kinds[entry->kind];
    entry->done = elapsed();
    entry->status = (uint32_t)answer.status;
    if (answer.status == 200 && kind->expect &&
        (answer.body_length != kind->expect_length || memcmp(answer.body, kind->expect, kind->expect_length) != 0))
        entry->status = 1;
    unanswered--;
    connection->entry = NULL;
    connection->used = 0;
    connection->next_idle = idle;
    idle = connection;
}

/* The loopback's segments have 64 KiB. When some overtook others, which they do between CPUs, the kernel sends few at a time,
 * and one by itself is acknowledged 40 ms later: longer answers would wait for that several times. */
static void acknowledge(const struct connection *connection) {
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

static void receive(struct connection *connection) {
    while (connection->fd >= 0) {
        if (connection->capacity - connection->used < 4096) {
            connection->capacity *= 2;
            connection->buffer = realloc(connection->buffer, connection->capacity);
            if (!connection->buffer) fail("memory");
        }
        ssize_t count = recv(connection->fd, connection->buffer + connection->used,
                             connection->capacity - connection->used, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0 || !connection->entry) return drop(connection);
        acknowledge(connection);
        connection->used += (size_t)count;
        struct answer answer = find_answer(connection->buffer, connection->used);
        if (answer.length) finish(connection, answer);
    }
}

static struct connection *take_connection(void) {
    while (idle) {
        struct connection *connection = idle;
        idle = connection->next_idle;
        if (connection->fd >= 0) return connection;
    }
    return open_connections < options.connections ? open_connection() : NULL;
}

static void run(void) {
    struct epoll_event events[256];
    size_t next = 0;
    uint64_t limit = (entry_count ? entries[entry_count - 1].due : 0) + (uint64_t)(options.grace * 1e9);
    while (next < entry_count || unanswered > 0) {
        uint64_t now = elapsed(), wait = 100000000;
        if (now > limit) break;
        while (next < entry_count && entries[next].due <= now) {
            struct connection *connection = take_connection();
            if (!connection) break;
            start(connection, &entries[next++]);
        }
        if (next < entry_count && entries[next].due > now) wait = entries[next].due - now;
        struct timespec time = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
        int ready = epoll_pwait2(poller, events, 256, &time, NULL);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->fd >= 0 && connection->entry && events[i].events & EPOLLOUT) send_some(connection);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(connection);
        }
    }
}

static void parse(int count, char **arguments) {
    static const struct option long_options[] = {
        {"port", 1, 0, 'p'}, {"kinds", 1, 0, 'k'}, {"plan", 1, 0, 'l'}, {"out", 1, 0, 'o'},
        {"connections", 1, 0, 'n'}, {"grace", 1, 0, 'g'}, {"cpu", 1, 0, 'c'}, {0, 0, 0, 0}};
    int option;
    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'k': options.kinds = optarg; break;
        case 'l': options.plan = optarg; break;
        case 'o': options.out = optarg; break;
        case 'n': options.connections = strtoul(optarg, NULL, 10); break;
        case 'g': options.grace = strtod(optarg, NULL); break;
        case 'c': options.cpu = atoi(optarg); break;
        default: exit(2);
        }
    }
    if (!options.port || !options.kinds || !options.plan || !options.out || !options.connections)
        fail("--port, --kinds, --plan or --out is missing");
}

int main(int count, char **arguments) {
    parse(count, arguments);
    if (options.cpu >= 0) pin_to(options.cpu);
    prctl(PR_SET_TIMERSLACK, 1);
    read_kinds();
    read_plan();
    poller = epoll_create1(EPOLL_CLOEXEC);
    FILE *out = fopen(options.out, "w");
    if (poller < 0 || !out) fail(options.out);
    start_time = now_ns();
    run();
    fprintf(out, "%llu\n", (unsigned long long)start_time);
    for (struct entry *entry = entries; entry < entries + entry_count; entry++)
        fprintf(out, "%u %.1f %.1f %.1f %u\n", entry->kind, (double)entry->due / 1e3, (double)entry->sent / 1e3,
                (double)entry->done / 1e3, entry->status);
    return fclose(out) == 0 ? 0 : 2;
}
