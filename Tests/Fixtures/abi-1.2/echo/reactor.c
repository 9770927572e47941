/* The protocol itself (dandelion/comm.h): takes requests, answers each exactly once.
 *
 * The reactor's descriptor is an epoll(7) with an eventfd for wake and cancel and a timerfd for what is due. A protocol
 * over a network adds its sockets to it. */
#define _GNU_SOURCE
#include "plugin.h"
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* One request from submit to release. */
struct transfer {
    struct transfer *next;
    uint64_t token, begun, due, deadline;
    int cancelled;
    uint64_t size;
    dn_bytes answer;
    uint8_t bytes[]; /* a copy: the request's own bytes end with its completion, the answer lives until release */
};

struct dn_reactor {
    dn_instance *instance;
    int epoll, event, timer;
    uint64_t max_inflight, inflight;
    pthread_mutex_t lock; /* of waiting: cancel comes on any thread */
    struct transfer *waiting;
    struct transfer *lent; /* completed and not released */
};

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static dn_status protocols(dn_instance *instance, const dn_comm_protocol **out, uint64_t *count, dn_error *err) {
    (void)instance, (void)err;
    static const dn_comm_signature signature = {"requests", "answers"};
    static const dn_comm_protocol protocol = {sizeof protocol, 1, "echo", &signature};
    *out = &protocol;
    *count = 1;
    return DN_OK;
}

/* The request was written by an untrusted function: nothing of it is believed. */
static dn_status judge(const dn_instance *instance, const dn_comm_request *request, dn_error *err) {
    if (request->protocol != 0 || request->signature != 0 || request->input_count != 1)
        return fail(err, DN_MISUSE, DN_NO_OFFSET, "no such call of this protocol");
    if (request->inputs[0].len > instance->max_bytes)
        return fail(err, DN_BAD_INPUT, instance->max_bytes, "the request is longer than max_bytes");
    return DN_OK;
}

static dn_status validate(dn_instance *instance, const dn_comm_request *request, dn_request_info *out, dn_error *err) {
    dn_status status = judge(instance, request, err);
    if (status != DN_OK) return status;
    out->idempotent = DN_IDEMPOTENT_YES;
    out->body_offset = 0;
    strcpy(out->target, "echo");
    return DN_OK;
}

static void reactor_destroy(dn_reactor *reactor) {
    close(reactor->timer);
    close(reactor->event);
    close(reactor->epoll);
    pthread_mutex_destroy(&reactor->lock);
    free(reactor);
}

static dn_status reactor_create(dn_instance *instance, const dn_reactor_params *params, dn_reactor **out, dn_error *err) {
    dn_reactor *reactor = calloc(1, sizeof *reactor);
    if (!reactor) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for a reactor");
    reactor->instance = instance;
    reactor->max_inflight = params->max_inflight ? params->max_inflight : UINT64_MAX;
    pthread_mutex_init(&reactor->lock, NULL);
    reactor->epoll = epoll_create1(EPOLL_CLOEXEC);
    reactor->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    reactor->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event readable = {.events = EPOLLIN};
    if (epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, reactor->event, &readable) != 0 ||
        epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, reactor->timer, &readable) != 0) {
        reactor_destroy(reactor);
        return fail(err, DN_LIMIT, DN_NO_OFFSET, "no file descriptors are left for a reactor");
    }
    *out = reactor;
    return DN_OK;
}

static int32_t reactor_fd(dn_reactor *reactor) { return reactor->epoll; }

static void wake(dn_reactor *reactor) { (void)!eventfd_write(reactor->event, 1); }

/* When a request ends by itself. */
static uint64_t ends_at(const struct transfer *one) {
    if (one->cancelled) return 0;
    return one->deadline != 0 && one->deadline < one->due ? one->deadline : one->due;
}

/* Sets the timer to what ends first; the lock is held. */
static void arm(dn_reactor *reactor) {
    uint64_t first = UINT64_MAX;
    for (const struct transfer *one = reactor->waiting; one; one = one->next)
        if (ends_at(one) < first) first = ends_at(one);
    struct itimerspec when = {0};
    if (first != UINT64_MAX) {
        if (first == 0) first = 1; /* zero would switch the timer off */
        when.it_value.tv_sec = (time_t)(first / 1000000000u);
        when.it_value.tv_nsec = (long)(first % 1000000000u);
    }
    timerfd_settime(reactor->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* DN_OK promises exactly one completion, anything else none. */
static dn_status submit(dn_reactor *reactor, const dn_comm_request *request, dn_error *err) {
    dn_status status = judge(reactor->instance, request, err);
    if (status != DN_OK) return status;
    if (reactor->inflight >= reactor->max_inflight)
        return fail(err, DN_BUSY, DN_NO_OFFSET, "too many requests are in flight");
    dn_bytes input = request->inputs[0];
    struct transfer *one = malloc(sizeof *one + input.len);
    if (!one) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for the request");
    *one = (struct transfer){.token = request->token, .begun = now(), .deadline = request->deadline, .size = input.len};
    one->due = one->begun + reactor->instance->delay_ns;
    if (input.len) memcpy(one->bytes, input.data, input.len);
    /* An answer that the host will not take is refused when it is due, like one that grew on the way. */
    one->answer = (dn_bytes){one->bytes, request->max_response && input.len > request->max_response ? UINT64_MAX : input.len};
    pthread_mutex_lock(&reactor->lock);
    one->next = reactor->waiting;
    reactor->waiting = one;
    arm(reactor);
    pthread_mutex_unlock(&reactor->lock);
    reactor->inflight++;
    return DN_OK;
}

/* Writes how a request ended. `effect` decides whether the host may send it again: never claim NOT_SENT lightly. */
static void complete(struct transfer *one, uint64_t time, dn_completion *out) {
    out->token = one->token;
    out->outcome = DN_COMM_OK;
    out->effect = DN_EFFECT_NOT_SENT;
    out->protocol_status = 0;
    out->outputs = NULL;
    out->output_count = 0;
    out->total_ns = time - one->begun;
    out->bytes_sent = out->bytes_received = 0;
    out->message[0] = 0;
    if (one->cancelled) {
        out->outcome = DN_COMM_CANCELLED;
        strcpy(out->message, "cancelled");
    } else if (one->deadline != 0 && time >= one->deadline) {
        out->outcome = DN_COMM_DEADLINE;
        strcpy(out->message, "no answer before the deadline");
    } else if (one->answer.len == UINT64_MAX) {
        out->outcome = DN_COMM_TOO_LARGE;
        out->effect = DN_EFFECT_DONE;
        strcpy(out->message, "the answer is larger than the function may take");
    } else {
        out->effect = DN_EFFECT_DONE;
        out->outputs = &one->answer;
        out->output_count = 1;
        out->bytes_sent = out->bytes_received = one->size;
    }
}

static dn_status poll_(
    dn_reactor *reactor, uint64_t timeout, dn_completion *out, uint64_t capacity, uint64_t *count, dn_error *err) {
    (void)err;
    if (timeout) {
        struct pollfd watched = {.fd = reactor->epoll, .events = POLLIN};
        struct timespec wait = {(time_t)(timeout / 1000000000u), (long)(timeout % 1000000000u)};
        (void)!ppoll(&watched, 1, &wait, NULL);
    }
    eventfd_t woken;
    (void)!eventfd_read(reactor->event, &woken);
    uint64_t time = now(), done = 0;
    pthread_mutex_lock(&reactor->lock);
    for (struct transfer **at = &reactor->waiting; *at && done < capacity;) {
        struct transfer *one = *at;
        if (ends_at(one) > time) {
            at = &one->next;
            continue;
        }
        complete(one, time, &out[done++]);
        *at = one->next;
        one->next = reactor->lent;
        reactor->lent = one;
    }
    /* What did not fit is due already, so that the descriptor stays readable. */
    arm(reactor);
    pthread_mutex_unlock(&reactor->lock);
    *count = done;
    return DN_OK;
}

static void cancel(dn_reactor *reactor, uint64_t token) {
    pthread_mutex_lock(&reactor->lock);
    struct transfer *one = reactor->waiting;
    while (one && one->token != token) one = one->next;
    if (one) one->cancelled = 1;
    pthread_mutex_unlock(&reactor->lock);
    if (one) wake(reactor);
}

static void release(dn_reactor *reactor, uint64_t token) {
    for (struct transfer **at = &reactor->lent; *at; at = &(*at)->next) {
        struct transfer *one = *at;
        if (one->token != token) continue;
        *at = one->next;
        free(one);
        reactor->inflight--;
        return;
    }
}

const dn_comm comm_table = {
    .struct_size = sizeof comm_table,
    .protocols = protocols,
    .validate = validate,
    .reactor_create = reactor_create,
    .reactor_destroy = reactor_destroy,
    .reactor_fd = reactor_fd,
    .submit = submit,
    .poll = poll_,
    .wake = wake,
    .cancel = cancel,
    .release = release,
};
