/* The paper's hybrid (section 7.5): a function that does its own sockets runs as a whole in a process of its own.
 *
 *     hybrid PORT THREADS_PER_CPU PIN STORAGE_PORT
 *
 * A dispatcher thread reads requests; THREADS_PER_CPU threads for each usable CPU, pinned to it when PIN is 1, take
 * one at a time, fork a process for it and wait for its end. POST /matmul has a matrix and gives its product,
 * computed as the function does; GET /fetch asks the storage server for /array by a socket of its own and gives sum,
 * least and greatest.
 */
#define _GNU_SOURCE
#include "../load/statistics.h"
#include "http.h"
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

static int storage_port, poller;
static struct request *ready[65536];
static size_t ready_head, ready_tail;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;

static void multiply(uint64_t n, const uint64_t *restrict a, const uint64_t *restrict b, uint64_t *restrict product) {
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < n; k++) {
            uint64_t factor = a[i * n + k];
            for (uint64_t j = 0; j < n; j++) product[i * n + j] += factor * b[k * n + j];
        }
}

static int product(struct request *request) {
    uint64_t *matrix = (uint64_t *)request->body, n = request->body_length >= 8 ? matrix[0] : 0;
    if (n == 0 || n > 4096 || request->body_length != (n * n + 1) * 8) return send_reply(request->fd, 400, "", 0);
    uint64_t *result = calloc(n * n + 1, 8);
    if (!result) return -1;
    result[0] = n;
    multiply(n, matrix + 1, matrix + 1, result + 1);
    return send_reply(request->fd, 200, result, request->body_length);
}

static int fetch(struct request *request) {
    static const char question[] = "GET /array HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)storage_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return -1;
    if (write_all(fd, question, sizeof question - 1) != 0) return -1;
    struct request answer = {.fd = fd};
    if (read_request(&answer) != 0) return -1;
    const int64_t *values = (const int64_t *)answer.body;
    int64_t result[3] = {0, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < answer.body_length / 8; i += 16) {
        result[0] += values[i];
        if (values[i] < result[1]) result[1] = values[i];
        if (values[i] > result[2]) result[2] = values[i];
    }
    return send_reply(request->fd, 200, result, sizeof result);
}

static void *work(void *unused) {
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (ready_head == ready_tail) pthread_cond_wait(&arrived, &lock);
        struct request *request = ready[ready_head++ % 65536];
        pthread_mutex_unlock(&lock);
        pid_t pid = fork();
        if (pid == 0) _exit(strcmp(request->path, "/fetch") == 0 ? fetch(request) != 0 : product(request) != 0);
        if (pid < 0 || waitpid(pid, NULL, 0) != pid) die("fork");
        struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = request};
        epoll_ctl(poller, EPOLL_CTL_MOD, request->fd, &event);
    }
    return NULL;
}

static void start_threads(int per_cpu, int pin) {
    cpu_set_t usable, one;
    sched_getaffinity(0, sizeof usable, &usable);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &usable)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        for (int i = 0; i < per_cpu; i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, work, NULL) != 0) die("pthread_create");
            if (pin) pthread_setaffinity_np(thread, sizeof one, &one);
        }
    }
}

static void accept_one(int listener) {
    struct request *request = calloc(1, sizeof *request);
    if (!request || (request->fd = accept_connection(listener)) < 0) return;
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = request};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, request->fd, &event) != 0) die("epoll_ctl");
}

static void take(struct request *request) {
    if (read_request(request) != 0) {
        close(request->fd);
        free(request->body);
        free(request);
        return;
    }
    pthread_mutex_lock(&lock);
    ready[ready_tail++ % 65536] = request;
    pthread_cond_signal(&arrived);
    pthread_mutex_unlock(&lock);
}

int main(int count, char **arguments) {
    if (count != 5) return fprintf(stderr, "usage: hybrid PORT THREADS_PER_CPU PIN STORAGE_PORT\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    storage_port = atoi(arguments[4]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    start_threads(atoi(arguments[2]), atoi(arguments[3]));
    int listener = listen_on(atoi(arguments[1]));
    struct epoll_event event = {.events = EPOLLIN}, events[64];
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) die("epoll");
    for (;;) {
        int number = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < number; i++) {
            if (events[i].data.ptr) take(events[i].data.ptr);
            else accept_one(listener);
        }
    }
}
