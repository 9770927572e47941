/* dn.comm/1 over libcurl's multi interface; see libcurl-multi(3), "multi_socket". */
#include "s3.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { NONE = -1, TICK_NS = 5000000 };

struct dn_reactor {
    dn_instance *instance;
    CURLM *multi;
    int epoll, event, curl_timer, tick_timer;
    bool ticking;
    struct transfer *transfers;
    int count, running, free_first, finished_first, finished_last;
    int *by_token;
    pthread_mutex_t lock; /* of cancelled */
    uint64_t *cancelled;
    size_t cancelled_count, cancelled_capacity;
};

uint64_t clock_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static dn_status protocols(dn_instance *instance, const dn_comm_protocol **out, uint64_t *count, dn_error *err) {
    (void)instance, (void)err;
    static const dn_comm_signature signature = {"requests", "headers bodies"};
    static const dn_comm_protocol protocol = {sizeof protocol, 1, "s3", &signature};
    *out = &protocol;
    *count = 1;
    return DN_OK;
}

static dn_status check(const dn_instance *instance, const dn_comm_request *request, struct command *command, dn_error *err) {
    if (request->input_count != 1 || request->protocol != 0 || request->signature != 0)
        return refuse(err, DN_MISUSE, DN_NO_OFFSET, "one item of the set 'requests' is wanted");
    return command_parse(instance, request->inputs[0], command, err) ? DN_OK : err->code;
}

static dn_status validate(dn_instance *instance, const dn_comm_request *request, dn_request_info *out, dn_error *err) {
    struct command command;
    const dn_status status = check(instance, request, &command, err);
    if (status != DN_OK) return status;
    /* Objects are written whole, so every one of these may be repeated (RFC 9110, 9.2.2). */
    out->idempotent = DN_IDEMPOTENT_YES;
    out->body_offset = request->inputs[0].len - command.body.len;
    snprintf(out->target, sizeof out->target, "%s %.*s", verb_name(command.verb), (int)command.bucket_length, command.bucket);
    return DN_OK;
}

static void finish(dn_reactor *reactor, int index) {
    reactor->running--;
    reactor->transfers[index].next = NONE;
    if (reactor->finished_first == NONE) reactor->finished_first = index;
    else reactor->transfers[reactor->finished_last].next = index;
    reactor->finished_last = index;
}

static int index_of(const dn_reactor *reactor, const struct transfer *transfer) {
    return (int)(transfer - reactor->transfers);
}

static void give_up(dn_reactor *reactor, int index, int32_t outcome, const char *why) {
    struct transfer *transfer = &reactor->transfers[index];
    transfer_give_up(transfer, outcome, why);
    curl_multi_remove_handle(reactor->multi, transfer->easy);
    finish(reactor, index);
}

/* libcurl's callbacks. */

static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *known) {
    (void)easy;
    dn_reactor *reactor = arg;
    struct epoll_event event = {
        .events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u),
        .data.fd = socket,
    };
    if (what == CURL_POLL_REMOVE) return epoll_ctl(reactor->epoll, EPOLL_CTL_DEL, socket, 0), 0;
    if (epoll_ctl(reactor->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0) return -1;
    curl_multi_assign(reactor->multi, socket, reactor);
    return 0;
}

static int set_timer(CURLM *multi, long milliseconds, void *arg) {
    (void)multi;
    dn_reactor *reactor = arg;
    struct itimerspec time = {0};
    if (milliseconds > 0) time.it_value = (struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000};
    else if (milliseconds == 0) time.it_value.tv_nsec = 1;
    timerfd_settime(reactor->curl_timer, 0, &time, 0);
    return 0;
}

/* Making and ending. */

static bool add_source(dn_reactor *reactor, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool make_transfers(dn_reactor *reactor, uint64_t wanted) {
    const uint64_t limit = reactor->instance->max_inflight;
    reactor->count = (int)(wanted == 0 || wanted > limit ? limit : wanted);
    reactor->transfers = calloc((size_t)reactor->count, sizeof *reactor->transfers);
    reactor->by_token = malloc((size_t)reactor->count * sizeof *reactor->by_token);
    if (!reactor->transfers || !reactor->by_token) return false;
    for (int i = 0; i < reactor->count; i++) {
        reactor->transfers[i].reactor = reactor;
        reactor->transfers[i].next = i + 1 < reactor->count ? i + 1 : NONE;
        reactor->by_token[i] = NONE;
    }
    reactor->finished_first = NONE;
    return true;
}

static void reactor_destroy(dn_reactor *reactor) {
    for (int i = 0; reactor->transfers && i < reactor->count; i++) {
        transfer_clear(&reactor->transfers[i]);
        curl_easy_cleanup(reactor->transfers[i].easy);
    }
    curl_multi_cleanup(reactor->multi);
    const int descriptors[] = {reactor->epoll, reactor->event, reactor->curl_timer, reactor->tick_timer};
    for (int i = 0; i < 4; i++)
        if (descriptors[i] >= 0) close(descriptors[i]);
    pthread_mutex_destroy(&reactor->lock);
    free(reactor->transfers);
    free(reactor->by_token);
    free(reactor->cancelled);
    free(reactor);
}

static dn_status reactor_create(dn_instance *instance, const dn_reactor_params *params, dn_reactor **out, dn_error *err) {
    dn_reactor *reactor = calloc(1, sizeof *reactor);
    if (!reactor) return refuse(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for a reactor");
    reactor->instance = instance;
    pthread_mutex_init(&reactor->lock, 0);
    reactor->epoll = epoll_create1(EPOLL_CLOEXEC);
    reactor->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    reactor->curl_timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    reactor->tick_timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    reactor->multi = curl_multi_init();
    if (!reactor->multi || !make_transfers(reactor, params->max_inflight) || !add_source(reactor, reactor->event) ||
        !add_source(reactor, reactor->curl_timer) || !add_source(reactor, reactor->tick_timer)) {
        const int error = errno;
        reactor_destroy(reactor);
        return refuse(err, DN_FAILED, DN_NO_OFFSET, "cannot make a reactor: %s", strerror(error));
    }
    curl_multi_setopt(reactor->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(reactor->multi, CURLMOPT_SOCKETDATA, reactor);
    curl_multi_setopt(reactor->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(reactor->multi, CURLMOPT_TIMERDATA, reactor);
    curl_multi_setopt(reactor->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)instance->connections);
    curl_multi_setopt(reactor->multi, CURLMOPT_MAXCONNECTS, (long)instance->connections);
    *out = reactor;
    return DN_OK;
}

static int32_t reactor_fd(dn_reactor *reactor) { return reactor->epoll; }
static void wake(dn_reactor *reactor) { eventfd_write(reactor->event, 1); }

/* Ticks while requests are under way, so that an idle reactor costs nothing. */
static void set_ticking(dn_reactor *reactor, bool on) {
    if (reactor->ticking == on) return;
    reactor->ticking = on;
    const struct timespec step = {0, on ? TICK_NS : 0};
    const struct itimerspec time = {step, step};
    timerfd_settime(reactor->tick_timer, 0, &time, 0);
}

static int *chain_of(dn_reactor *reactor, uint64_t token) { return &reactor->by_token[token % (uint64_t)reactor->count]; }

static int find(dn_reactor *reactor, uint64_t token) {
    for (int at = *chain_of(reactor, token); at != NONE; at = reactor->transfers[at].next_hash)
        if (reactor->transfers[at].token == token) return at;
    return NONE;
}

/* Whether the operator lets who makes the request go to the server by this method. */
static dn_status allow(const dn_instance *instance, uint64_t caller, const struct command *command, dn_error *err) {
    if (!instance->egress) return DN_OK;
    const char *method = command->verb == LIST ? "GET" : verb_name(command->verb);
    const dn_egress to = {
        .struct_size = sizeof to,
        .is_secure = instance->is_secure,
        .port = instance->port,
        .host = {(const uint8_t *)instance->server, strlen(instance->server)},
        .method = {(const uint8_t *)method, strlen(method)},
    };
    return instance->egress->allow(instance->host, caller, &to, err);
}

static dn_status submit(dn_reactor *reactor, const dn_comm_request *request, dn_error *err) {
    const dn_instance *instance = reactor->instance;
    struct command command;
    dn_status status = check(instance, request, &command, err);
    if (status == DN_OK) status = allow(instance, request->caller, &command, err);
    if (status != DN_OK) return status;
    const int index = reactor->free_first;
    if (index == NONE) return refuse(err, DN_BUSY, DN_NO_OFFSET, "%d requests are under way", reactor->count);
    struct transfer *transfer = &reactor->transfers[index];
    const int next_free = transfer->next;
    transfer->instance = instance;
    transfer->account = request->account;
    if (!transfer_charge(transfer, FOOTPRINT)) {
        transfer_clear(transfer);
        transfer->next = next_free;
        return refuse(err, DN_BUSY, DN_NO_OFFSET, "the node has no memory for the request now");
    }
    if (!transfer_begin(transfer, instance, &command)) {
        transfer_clear(transfer);
        transfer->next = next_free;
        return refuse(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for the request");
    }
    reactor->free_first = next_free;
    int *chain = chain_of(reactor, request->token);
    transfer->state = RUNNING;
    transfer->token = request->token;
    transfer->next_hash = *chain;
    *chain = index;
    transfer->begun = clock_now();
    transfer->deadline = request->deadline ? request->deadline : transfer->begun + instance->timeout_ms * 1000000;
    transfer->max_response = request->max_response && request->max_response < instance->max_response
                                 ? request->max_response : instance->max_response;
    reactor->running++;
    set_ticking(reactor, true);
    if (transfer->deadline <= transfer->begun) {
        transfer_give_up(transfer, DN_COMM_DEADLINE, "the deadline is over");
        finish(reactor, index);
        wake(reactor);
    } else if (curl_multi_add_handle(reactor->multi, transfer->easy) != CURLM_OK) {
        transfer_give_up(transfer, DN_COMM_OTHER, "libcurl does not take the request");
        finish(reactor, index);
        wake(reactor);
    }
    return DN_OK;
}

static void end_overdue(dn_reactor *reactor) {
    const uint64_t now = clock_now();
    for (int i = 0; i < reactor->count; i++)
        if (reactor->transfers[i].state == RUNNING && reactor->transfers[i].deadline <= now)
            give_up(reactor, i, DN_COMM_DEADLINE, "no answer in time");
    if (reactor->running == 0) set_ticking(reactor, false);
}

static void end_cancelled(dn_reactor *reactor) {
    pthread_mutex_lock(&reactor->lock);
    for (size_t i = 0; i < reactor->cancelled_count; i++) {
        const int index = find(reactor, reactor->cancelled[i]);
        if (index != NONE && reactor->transfers[index].state == RUNNING)
            give_up(reactor, index, DN_COMM_CANCELLED, "cancelled");
    }
    reactor->cancelled_count = 0;
    pthread_mutex_unlock(&reactor->lock);
}

static void take_ended(dn_reactor *reactor) {
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(reactor->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        struct transfer *transfer = 0;
        const CURLcode result = message->data.result;
        CURL *easy = message->easy_handle;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(reactor->multi, easy);
        transfer_end(transfer, result);
        finish(reactor, index_of(reactor, transfer));
    }
}

static void dispatch(dn_reactor *reactor, const struct epoll_event *event) {
    uint64_t ignored;
    int running;
    if (event->data.fd == reactor->event) {
        eventfd_read(reactor->event, &ignored);
        end_cancelled(reactor);
    } else if (event->data.fd == reactor->tick_timer) {
        if (read(reactor->tick_timer, &ignored, sizeof ignored) > 0) end_overdue(reactor);
    } else if (event->data.fd == reactor->curl_timer) {
        if (read(reactor->curl_timer, &ignored, sizeof ignored) > 0)
            curl_multi_socket_action(reactor->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    } else {
        const int what = (event->events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                         (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                         (event->events & EPOLLERR ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(reactor->multi, event->data.fd, what, &running);
    }
}

static void lend(struct transfer *transfer, dn_completion *out) {
    const bool answered = transfer->outcome == DN_COMM_OK;
    transfer->state = LENT;
    out->outcome = transfer->outcome;
    out->effect = transfer->effect;
    out->protocol_status = transfer->status;
    out->token = transfer->token;
    out->outputs = answered ? transfer->outputs : 0;
    out->output_count = answered ? 2 : 0;
    out->total_ns = transfer->ended - transfer->begun;
    out->bytes_sent = transfer->sent;
    out->bytes_received = transfer->received;
    memcpy(out->message, transfer->message, sizeof out->message);
}

static dn_status poll(
    dn_reactor *reactor, uint64_t timeout, dn_completion *out, uint64_t capacity, uint64_t *count, dn_error *err) {
    struct epoll_event events[64];
    const uint64_t ms = (timeout + 999999) / 1000000;
    const bool ready = reactor->finished_first != NONE;
    const int happened = epoll_wait(reactor->epoll, events, 64, ready ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms);
    if (happened < 0 && errno != EINTR) return refuse(err, DN_IO, DN_NO_OFFSET, "epoll_wait: %s", strerror(errno));
    for (int i = 0; i < happened; i++) dispatch(reactor, &events[i]);
    take_ended(reactor);
    for (*count = 0; *count < capacity && reactor->finished_first != NONE; ++*count) {
        struct transfer *transfer = &reactor->transfers[reactor->finished_first];
        reactor->finished_first = transfer->next;
        lend(transfer, &out[*count]);
    }
    if (reactor->finished_first != NONE) wake(reactor);
    return DN_OK;
}

static void cancel(dn_reactor *reactor, uint64_t token) {
    pthread_mutex_lock(&reactor->lock);
    if (reactor->cancelled_count == reactor->cancelled_capacity) {
        const size_t capacity = reactor->cancelled_capacity * 2 + 16;
        uint64_t *more = realloc(reactor->cancelled, capacity * sizeof *more);
        if (more) {
            reactor->cancelled = more;
            reactor->cancelled_capacity = capacity;
        }
    }
    /* Without memory the cancel is lost, and the request ends by its deadline. */
    if (reactor->cancelled_count < reactor->cancelled_capacity) reactor->cancelled[reactor->cancelled_count++] = token;
    pthread_mutex_unlock(&reactor->lock);
    wake(reactor);
}

static void release(dn_reactor *reactor, uint64_t token) {
    const int index = find(reactor, token);
    if (index == NONE || reactor->transfers[index].state != LENT) return;
    int *at = chain_of(reactor, token);
    while (*at != index) at = &reactor->transfers[*at].next_hash;
    *at = reactor->transfers[index].next_hash;
    transfer_clear(&reactor->transfers[index]);
    reactor->transfers[index].next = reactor->free_first;
    reactor->free_first = index;
}

const dn_comm s3_comm = {
    .struct_size = sizeof s3_comm,
    .protocols = protocols,
    .validate = validate,
    .reactor_create = reactor_create,
    .reactor_destroy = reactor_destroy,
    .reactor_fd = reactor_fd,
    .submit = submit,
    .poll = poll,
    .wake = wake,
    .cancel = cancel,
    .release = release,
};
