/* TCP connections to servers: requests are pipelined, answers come in their order. */
#include "reactor.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_OUTPUT = 256 << 10, /* bytes that wait in a connection before it takes no more requests */
    READ_SIZE = 64 << 10,
    BUSY_DEPTH = 32, /* requests under way on each connection before another is opened */
};

static struct due *due_at(struct stream *stream, int place) { return &stream->due[(stream->first + place) % MAX_DEPTH]; }

static void watch(dn_reactor *reactor, struct stream *stream, int operation, bool output) {
    const struct link *link = &reactor->links[stream->server];
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | (output ? EPOLLOUT : 0u),
        .data.u64 = tag_of(SOURCE_STREAM, stream->server, (size_t)(stream - link->streams), stream->generation),
    };
    stream->watches_output = output;
    epoll_ctl(reactor->epoll, operation, stream->fd, &event);
}

/* Gives the connection up: whoever waits on it fails. */
static void drop(dn_reactor *reactor, struct stream *stream, int32_t outcome, const char *why) {
    close(stream->fd);
    stream->fd = NONE;
    stream->connecting = false;
    stream->output.used = stream->flushed = stream->input.used = 0;
    const int count = stream->count;
    stream->count = 0;
    for (int place = 0; place < count; place++) {
        const int slot = due_at(stream, place)->slot;
        if (slot == NONE) continue;
        reactor->slots[slot].stream = 0;
        slot_fail(reactor, slot, outcome, "%s", why);
    }
}

/* No connection could be made: while none is open, nobody has to wait for the next try. */
static void connect_failed(dn_reactor *reactor, struct stream *stream, int error) {
    struct link *link = &reactor->links[stream->server];
    drop(reactor, stream, DN_COMM_CONNECT, "");
    for (uint64_t i = 0; i < reactor->instance->connections; i++)
        if (link->streams[i].fd != NONE) return;
    while (link->waiting.first != NONE)
        slot_fail(reactor, link->waiting.first, DN_COMM_CONNECT, "cannot connect: %s", strerror(error));
}

static void begin_connect(dn_reactor *reactor, struct stream *stream) {
    const struct server *server = &reactor->instance->servers[stream->server];
    if (!stream->due) stream->due = calloc(MAX_DEPTH, sizeof *stream->due);
    stream->fd = socket(server->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd < 0 || !stream->due) return connect_failed(reactor, stream, errno);
    int on = 1;
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    stream->connecting = true;
    stream->generation++;
    stream->connect_deadline = reactor->now + reactor->instance->connect_timeout;
    if (connect(stream->fd, (const struct sockaddr *)&server->address, server->address_length) != 0 &&
        errno != EINPROGRESS)
        return connect_failed(reactor, stream, errno);
    watch(reactor, stream, EPOLL_CTL_ADD, true);
}

static void flush(dn_reactor *reactor, struct stream *stream) {
    while (stream->flushed < stream->output.used) {
        ssize_t count = send(
            stream->fd, stream->output.data + stream->flushed, stream->output.used - stream->flushed, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!stream->watches_output) watch(reactor, stream, EPOLL_CTL_MOD, true);
            return;
        }
        if (count < 0) return drop(reactor, stream, DN_COMM_RESET, strerror(errno));
        stream->flushed += (size_t)count;
    }
    stream->output.used = stream->flushed = 0;
    if (stream->watches_output) watch(reactor, stream, EPOLL_CTL_MOD, false);
}

/* Puts a request into the connection's output; false when it has no room. */
static bool take(dn_reactor *reactor, struct stream *stream, int index) {
    struct slot *slot = &reactor->slots[index];
    if (!buffer_reserve(&stream->output, command_size(&slot->command))) return false;
    struct due *due = due_at(stream, stream->count);
    due->slot = index;
    due->verb = (uint8_t)slot->command.verb;
    due->key_length = (uint8_t)slot->command.key_length;
    memcpy(due->key, slot->command.key, slot->command.key_length);
    slot->bytes_sent = command_write(&slot->command, stream->output.data + stream->output.used);
    stream->output.used += slot->bytes_sent;
    slot->place = (stream->first + stream->count) % MAX_DEPTH;
    slot->stream = stream;
    slot->state = SENT;
    stream->count++;
    return true;
}

/* The open connection with the fewest requests; null when none takes more. Opens another when all are busy. */
static struct stream *choose(dn_reactor *reactor, struct link *link, size_t server) {
    struct stream *best = 0, *closed = 0;
    bool connecting = false;
    for (uint64_t i = 0; i < reactor->instance->connections; i++) {
        struct stream *stream = &link->streams[i];
        if (stream->fd == NONE) {
            closed = closed ? closed : stream;
        } else if (stream->connecting) {
            connecting = true;
        } else if (stream->count < MAX_DEPTH && stream->output.used < MAX_OUTPUT && (!best || stream->count < best->count)) {
            best = stream;
        }
    }
    if (closed && !connecting && (!best || best->count >= BUSY_DEPTH)) {
        closed->server = server;
        begin_connect(reactor, closed);
    }
    return best;
}

void streams_send(dn_reactor *reactor, size_t server) {
    struct link *link = &reactor->links[server];
    while (link->waiting.first != NONE) {
        struct stream *stream = choose(reactor, link, server);
        if (!stream || link->waiting.first == NONE) return;
        const bool idle = stream->count == 0;
        const int slot = list_take(reactor, &link->waiting);
        if (!take(reactor, stream, slot)) {
            slot_fail(reactor, slot, DN_COMM_OTHER, "no memory for the request");
            continue;
        }
        /* The first goes at once; those that come while it is under way go together, before the next poll ends. */
        if (idle) flush(reactor, stream);
        else reactor->must_flush = true;
    }
}

void streams_flush(dn_reactor *reactor) {
    if (!reactor->must_flush) return;
    reactor->must_flush = false;
    for (size_t server = 0; server < reactor->instance->server_count; server++) {
        struct link *link = &reactor->links[server];
        for (uint64_t i = 0; link->streams && i < reactor->instance->connections; i++) {
            struct stream *stream = &link->streams[i];
            if (stream->fd != NONE && !stream->connecting && !stream->watches_output) flush(reactor, stream);
        }
    }
}

/* Hands out the answers that are whole. */
static void answer_all(dn_reactor *reactor, struct stream *stream) {
    size_t at = 0;
    while (stream->fd != NONE && stream->count > 0) {
        struct due *due = due_at(stream, 0);
        const int slot = due->slot;
        const size_t max = slot == NONE ? reactor->instance->max_value : reactor->slots[slot].max_value;
        struct answer answer;
        enum progress progress = answer_parse(
            due->verb, due->key, due->key_length, stream->input.data + at, stream->input.used - at, max, &answer);
        if (progress == MORE) break;
        if (progress == TOO_LARGE) return drop(reactor, stream, DN_COMM_TOO_LARGE, "a value is larger than allowed");
        if (progress == BROKEN) return drop(reactor, stream, DN_COMM_PROTOCOL, "the server does not keep the protocol");
        at += answer.used;
        stream->first = (stream->first + 1) % MAX_DEPTH;
        stream->count--;
        if (slot != NONE) slot_answer(reactor, slot, &answer);
    }
    if (stream->count == 0 && stream->input.used > at)
        return drop(reactor, stream, DN_COMM_PROTOCOL, "the server answered what nobody asked");
    memmove(stream->input.data, stream->input.data + at, stream->input.used - at);
    stream->input.used -= at;
}

static void receive(dn_reactor *reactor, struct stream *stream) {
    while (stream->fd != NONE) {
        if (!buffer_reserve(&stream->input, READ_SIZE)) return drop(reactor, stream, DN_COMM_OTHER, "no memory");
        ssize_t count = recv(stream->fd, stream->input.data + stream->input.used, READ_SIZE, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (count < 0) return drop(reactor, stream, DN_COMM_RESET, strerror(errno));
        if (count == 0) return drop(reactor, stream, DN_COMM_RESET, "the server closed the connection");
        stream->input.used += (size_t)count;
        answer_all(reactor, stream);
        if (count < READ_SIZE) return;
    }
}

void stream_ready(dn_reactor *reactor, uint64_t tag, uint32_t events) {
    struct stream *stream = &reactor->links[tag_server(tag)].streams[tag_index(tag)];
    if (stream->fd == NONE || stream->generation != (uint16_t)tag) return;
    if (stream->connecting) {
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0) return connect_failed(reactor, stream, error);
        stream->connecting = false;
        watch(reactor, stream, EPOLL_CTL_MOD, false);
    } else {
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) receive(reactor, stream);
        if (stream->fd != NONE && events & EPOLLOUT) flush(reactor, stream);
    }
    streams_send(reactor, stream->server);
}

void stream_forget(dn_reactor *reactor, int index) {
    struct slot *slot = &reactor->slots[index];
    (void)reactor;
    if (!slot->stream) return;
    slot->stream->due[slot->place].slot = NONE;
    slot->stream = 0;
}

void streams_tick(dn_reactor *reactor) {
    for (size_t server = 0; server < reactor->instance->server_count; server++) {
        struct link *link = &reactor->links[server];
        for (uint64_t i = 0; link->streams && i < reactor->instance->connections; i++) {
            struct stream *stream = &link->streams[i];
            if (stream->fd == NONE) continue;
            if (stream->connecting) {
                if (reactor->now >= stream->connect_deadline) connect_failed(reactor, stream, ETIMEDOUT);
                continue;
            }
            bool awaited = stream->count == 0;
            for (int place = 0; place < stream->count && !awaited; place++) awaited = due_at(stream, place)->slot != NONE;
            /* Only answers that nobody waits for any more: the server is stuck, and the next request wants another one. */
            if (!awaited) drop(reactor, stream, DN_COMM_RESET, "");
        }
    }
}

void streams_destroy(dn_reactor *reactor) {
    for (size_t server = 0; server < reactor->instance->server_count; server++) {
        struct link *link = &reactor->links[server];
        for (uint64_t i = 0; link->streams && i < reactor->instance->connections; i++) {
            struct stream *stream = &link->streams[i];
            if (stream->fd != NONE) close(stream->fd);
            free(stream->output.data);
            free(stream->input.data);
            free(stream->due);
        }
        free(link->streams);
    }
}
