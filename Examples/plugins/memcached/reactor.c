/* dn.comm/1: the slots of its table. */
#include "reactor.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { TICK_NS = 2000000 }; /* how exactly deadlines are kept */

static dn_status protocols(dn_instance *instance, const dn_comm_protocol **out, uint64_t *count, dn_error *err) {
    (void)instance, (void)err;
    static const dn_comm_signature signature = {"requests", "headers values"};
    static const dn_comm_protocol protocol = {sizeof protocol, 1, "memcached", &signature};
    *out = &protocol;
    *count = 1;
    return DN_OK;
}

static dn_status check(const dn_instance *instance, const dn_comm_request *request, struct command *command, dn_error *err) {
    if (request->input_count != 1 || request->protocol != 0 || request->signature != 0)
        return refuse(err, DN_MISUSE, DN_NO_OFFSET, "one item of the set 'requests' is wanted");
    if (!command_parse(instance, request->inputs[0], command, err)) return err->code;
    if (instance->servers[command->server].udp && command_size(command) > MAX_DATAGRAM - DATAGRAM_HEADER)
        return refuse(err, DN_BAD_INPUT, 0, "too large for a request by UDP: key and value may have %d bytes",
                      MAX_DATAGRAM - DATAGRAM_HEADER - 128);
    return DN_OK;
}

static dn_status validate(dn_instance *instance, const dn_comm_request *request, dn_request_info *out, dn_error *err) {
    struct command command;
    const dn_status status = check(instance, request, &command, err);
    if (status != DN_OK) return status;
    out->idempotent = command.verb == GET ? DN_IDEMPOTENT_YES : DN_IDEMPOTENT_NO;
    out->body_offset = request->inputs[0].len - command.value.len;
    snprintf(out->target, sizeof out->target, "%s %s", verb_name(command.verb), instance->servers[command.server].name);
    return DN_OK;
}

static bool add_source(dn_reactor *reactor, int fd, enum source source) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag_of(source, 0, 0, 0)};
    return fd >= 0 && epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool make_links(dn_reactor *reactor) {
    const dn_instance *instance = reactor->instance;
    reactor->links = calloc(instance->server_count, sizeof *reactor->links);
    for (size_t server = 0; reactor->links && server < instance->server_count; server++) {
        struct link *link = &reactor->links[server];
        link->waiting.first = link->datagrams = NONE;
        if (instance->servers[server].udp) continue;
        link->streams = calloc(instance->connections, sizeof *link->streams);
        if (!link->streams) return false;
        for (uint64_t i = 0; i < instance->connections; i++) link->streams[i].fd = NONE;
    }
    return reactor->links != 0;
}

static bool make_slots(dn_reactor *reactor, uint64_t wanted) {
    const uint64_t limit = reactor->instance->max_inflight;
    reactor->slot_count = (int)(wanted == 0 || wanted > limit ? limit : wanted);
    reactor->slots = calloc((size_t)reactor->slot_count, sizeof *reactor->slots);
    reactor->by_token = malloc((size_t)reactor->slot_count * sizeof *reactor->by_token);
    if (!reactor->slots || !reactor->by_token) return false;
    for (int i = 0; i < reactor->slot_count; i++) {
        reactor->slots[i].next = i + 1 < reactor->slot_count ? i + 1 : NONE;
        reactor->by_token[i] = NONE;
    }
    reactor->finished.first = NONE;
    return true;
}

static void reactor_destroy(dn_reactor *reactor) {
    if (reactor->links) {
        streams_destroy(reactor);
        datagrams_destroy(reactor);
    }
    for (int i = 0; reactor->slots && i < reactor->slot_count; i++) free(reactor->slots[i].value);
    if (reactor->epoll >= 0) close(reactor->epoll);
    if (reactor->event >= 0) close(reactor->event);
    if (reactor->timer >= 0) close(reactor->timer);
    pthread_mutex_destroy(&reactor->lock);
    free(reactor->links);
    free(reactor->slots);
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
    reactor->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (make_slots(reactor, params->max_inflight) && make_links(reactor) &&
        add_source(reactor, reactor->event, SOURCE_EVENT) && add_source(reactor, reactor->timer, SOURCE_TIMER)) {
        *out = reactor;
        return DN_OK;
    }
    const int error = errno;
    reactor_destroy(reactor);
    return refuse(err, DN_FAILED, DN_NO_OFFSET, "cannot make a reactor: %s", strerror(error));
}

static int32_t reactor_fd(dn_reactor *reactor) { return reactor->epoll; }

static void wake(dn_reactor *reactor) { eventfd_write(reactor->event, 1); }

/* Ticks while requests are under way, so that an idle reactor costs nothing. */
static void set_ticking(dn_reactor *reactor, bool on) {
    if (reactor->ticking == on) return;
    reactor->ticking = on;
    const struct timespec step = {0, on ? TICK_NS : 0};
    const struct itimerspec time = {step, step};
    timerfd_settime(reactor->timer, 0, &time, 0);
}

static int *chain_of(dn_reactor *reactor, uint64_t token) { return &reactor->by_token[token % (uint64_t)reactor->slot_count]; }

static int find(dn_reactor *reactor, uint64_t token) {
    for (int at = *chain_of(reactor, token); at != NONE; at = reactor->slots[at].next_hash)
        if (reactor->slots[at].token == token) return at;
    return NONE;
}

static void send_waiting(dn_reactor *reactor, size_t server) {
    if (reactor->instance->servers[server].udp) datagrams_send(reactor, server);
    else streams_send(reactor, server);
}

/* Whether the operator lets who makes the request go to the server by this verb. */
static dn_status allow(const dn_instance *instance, uint64_t caller, const struct command *command, dn_error *err) {
    if (!instance->egress) return DN_OK;
    const struct server *server = &instance->servers[command->server];
    const char *method = verb_name(command->verb);
    const dn_egress to = {
        .struct_size = sizeof to,
        .port = server->port,
        .host = {(const uint8_t *)server->host, strlen(server->host)},
        .method = {(const uint8_t *)method, strlen(method)},
    };
    return instance->egress->allow(instance->node, caller, &to, err);
}

static dn_status submit(dn_reactor *reactor, const dn_comm_request *request, dn_error *err) {
    struct command command;
    dn_status status = check(reactor->instance, request, &command, err);
    if (status == DN_OK) status = allow(reactor->instance, request->caller, &command, err);
    if (status != DN_OK) return status;
    const int index = reactor->free_slots;
    if (index == NONE) return refuse(err, DN_BUSY, DN_NO_OFFSET, "%d requests are under way", reactor->slot_count);
    struct slot *slot = &reactor->slots[index];
    reactor->free_slots = slot->next;
    reactor->now = clock_now();
    int *chain = chain_of(reactor, request->token);
    const uint64_t max = reactor->instance->max_value;
    *slot = (struct slot){
        .state = WAITING,
        .next_hash = *chain,
        .token = request->token,
        .begun = reactor->now,
        .deadline = request->deadline ? request->deadline : reactor->now + reactor->instance->timeout,
        .max_value = request->max_response && request->max_response < max ? request->max_response : max,
        .command = command,
    };
    *chain = index;
    reactor->live++;
    list_append(reactor, &reactor->links[command.server].waiting, index);
    if (slot->deadline <= reactor->now) slot_fail(reactor, index, DN_COMM_DEADLINE, "the deadline is over");
    else send_waiting(reactor, command.server);
    if (reactor->must_flush || reactor->finished.first != NONE) wake(reactor);
    set_ticking(reactor, true);
    return DN_OK;
}

static void end_overdue(dn_reactor *reactor) {
    for (int i = 0; i < reactor->slot_count; i++) {
        struct slot *slot = &reactor->slots[i];
        if ((slot->state == WAITING || slot->state == SENT) && slot->deadline <= reactor->now)
            slot_fail(reactor, i, DN_COMM_DEADLINE, slot->state == SENT ? "no answer in time" : "not sent in time");
    }
    streams_tick(reactor);
    for (size_t server = 0; server < reactor->instance->server_count; server++) send_waiting(reactor, server);
    if (reactor->live == 0) set_ticking(reactor, false);
}

static void end_cancelled(dn_reactor *reactor) {
    pthread_mutex_lock(&reactor->lock);
    for (size_t i = 0; i < reactor->cancelled_count; i++) {
        const int index = find(reactor, reactor->cancelled[i]);
        if (index == NONE) continue;
        const enum state state = reactor->slots[index].state;
        if (state == WAITING || state == SENT) slot_fail(reactor, index, DN_COMM_CANCELLED, "cancelled");
    }
    reactor->cancelled_count = 0;
    pthread_mutex_unlock(&reactor->lock);
}

static void dispatch(dn_reactor *reactor, const struct epoll_event *event) {
    uint64_t ignored;
    switch (tag_source(event->data.u64)) {
    case SOURCE_EVENT:
        eventfd_read(reactor->event, &ignored);
        end_cancelled(reactor);
        break;
    case SOURCE_TIMER:
        if (read(reactor->timer, &ignored, sizeof ignored) > 0) end_overdue(reactor);
        break;
    case SOURCE_STREAM: stream_ready(reactor, event->data.u64, event->events); break;
    case SOURCE_DATAGRAMS: datagrams_ready(reactor, tag_server(event->data.u64)); break;
    }
}

static void lend(dn_reactor *reactor, int index, dn_completion *out) {
    struct slot *slot = &reactor->slots[index];
    slot->state = LENT;
    out->outcome = slot->outcome;
    out->effect = slot->effect;
    out->protocol_status = 0;
    out->token = slot->token;
    out->outputs = slot->outcome == DN_COMM_OK ? slot->outputs : 0;
    out->output_count = slot->outcome == DN_COMM_OK ? 2 : 0;
    out->total_ns = reactor->now - slot->begun;
    out->bytes_sent = slot->bytes_sent;
    out->bytes_received = slot->bytes_received;
    memcpy(out->message, slot->message, sizeof out->message);
}

static dn_status poll(
    dn_reactor *reactor, uint64_t timeout, dn_completion *out, uint64_t capacity, uint64_t *count, dn_error *err) {
    struct epoll_event events[64];
    const uint64_t ms = (timeout + 999999) / 1000000;
    const bool ready = reactor->finished.first != NONE || timeout == 0;
    const int happened = epoll_wait(reactor->epoll, events, 64, ready ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms);
    if (happened < 0 && errno != EINTR)
        return refuse(err, DN_IO, DN_NO_OFFSET, "epoll_wait: %s", strerror(errno));
    reactor->now = clock_now();
    for (int i = 0; i < happened; i++) dispatch(reactor, &events[i]);
    streams_flush(reactor);
    for (*count = 0; *count < capacity; ++*count) {
        const int index = list_take(reactor, &reactor->finished);
        if (index == NONE) break;
        lend(reactor, index, &out[*count]);
    }
    if (reactor->finished.first != NONE) wake(reactor);
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
    if (index == NONE || reactor->slots[index].state != LENT) return;
    int *at = chain_of(reactor, token);
    while (*at != index) at = &reactor->slots[*at].next_hash;
    *at = reactor->slots[index].next_hash;
    free(reactor->slots[index].value);
    reactor->slots[index].value = 0;
    reactor->slots[index].state = FREE;
    reactor->slots[index].next = reactor->free_slots;
    reactor->free_slots = index;
}

const dn_comm memcached_comm = {
    .struct_size = sizeof memcached_comm,
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
