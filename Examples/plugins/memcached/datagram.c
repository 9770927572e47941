/* UDP (memcached's doc/protocol.txt, "UDP protocol"): one datagram asks, one or more answer, any may be lost. */
#include "reactor.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ID_PLACES = 2 * MAX_INFLIGHT, MAX_PIECES = 1024 };

/* The datagrams of an answer, as they come. */
struct pieces {
    uint16_t total, have;
    struct piece {
        char *data;
        size_t length;
    } piece[];
};

static void free_pieces(struct slot *slot) {
    if (!slot->pieces) return;
    for (unsigned i = 0; i < slot->pieces->total; i++) free(slot->pieces->piece[i].data);
    free(slot->pieces);
    slot->pieces = 0;
}

static bool open_socket(dn_reactor *reactor, size_t server) {
    struct link *link = &reactor->links[server];
    const struct server *peer = &reactor->instance->servers[server];
    if (!link->by_id) {
        link->by_id = malloc(ID_PLACES * sizeof *link->by_id);
        if (!link->by_id) return false;
        for (int i = 0; i < ID_PLACES; i++) link->by_id[i] = NONE;
    }
    int fd = socket(peer->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    /* Large answers come as many datagrams at once. */
    const int buffer = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag_of(SOURCE_DATAGRAMS, server, 0, 0)};
    /* Connected, so that only this server's datagrams arrive. */
    if (connect(fd, (const struct sockaddr *)&peer->address, peer->address_length) != 0 ||
        epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return false;
    }
    link->datagrams = fd;
    return true;
}

/* An id whose place is free; there are twice as many places as slots. */
static uint16_t next_id(struct link *link) {
    do link->last_id++;
    while (link->by_id[link->last_id % ID_PLACES] != NONE);
    return link->last_id;
}

static void send_one(dn_reactor *reactor, struct link *link, int index) {
    struct slot *slot = &reactor->slots[index];
    char datagram[MAX_DATAGRAM + 512];
    const uint16_t id = next_id(link);
    const unsigned char header[DATAGRAM_HEADER] = {id >> 8, id & 255, 0, 0, 0, 1, 0, 0};
    memcpy(datagram, header, sizeof header);
    /* validate saw to it that the command fits. */
    const size_t length = sizeof header + command_write(&slot->command, datagram + sizeof header);
    ssize_t count;
    do count = send(link->datagrams, datagram, length, MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    if (count < 0) return slot_fail(reactor, index, DN_COMM_CONNECT, "cannot send: %s", strerror(errno));
    slot->state = SENT;
    slot->place = id;
    slot->bytes_sent = length;
    const uint64_t limit = reactor->now + reactor->instance->udp_timeout;
    if (limit < slot->deadline) slot->deadline = limit;
    link->by_id[id % ID_PLACES] = index;
}

void datagrams_send(dn_reactor *reactor, size_t server) {
    struct link *link = &reactor->links[server];
    while (link->waiting.first != NONE) {
        const int slot = link->waiting.first;
        if (link->datagrams == NONE && !open_socket(reactor, server)) {
            slot_fail(reactor, slot, DN_COMM_CONNECT, "cannot open a socket: %s", strerror(errno));
            continue;
        }
        send_one(reactor, link, list_take(reactor, &link->waiting));
    }
}

void datagram_forget(dn_reactor *reactor, int index) {
    struct slot *slot = &reactor->slots[index];
    reactor->links[slot->command.server].by_id[slot->place % ID_PLACES] = NONE;
    free_pieces(slot);
}

/* Notes one datagram; true when all of the answer's are there. */
static bool keep(struct slot *slot, unsigned sequence, unsigned total, const char *data, size_t length) {
    if (total == 0 || total > MAX_PIECES || sequence >= total) return false;
    if (!slot->pieces) {
        slot->pieces = calloc(1, sizeof *slot->pieces + total * sizeof(struct piece));
        if (!slot->pieces) return false;
        slot->pieces->total = (uint16_t)total;
    }
    struct pieces *pieces = slot->pieces;
    if (pieces->total != total || pieces->piece[sequence].data) return false;
    char *copy = malloc(length + 1);
    if (!copy) return false;
    memcpy(copy, data, length);
    pieces->piece[sequence] = (struct piece){copy, length};
    return ++pieces->have == total;
}

static void answer_whole(dn_reactor *reactor, int index) {
    struct slot *slot = &reactor->slots[index];
    struct buffer whole = {0};
    bool fits = true;
    for (unsigned i = 0; i < slot->pieces->total && fits; i++) {
        const struct piece *piece = &slot->pieces->piece[i];
        fits = buffer_reserve(&whole, piece->length + 1);
        if (!fits) break;
        memcpy(whole.data + whole.used, piece->data, piece->length);
        whole.used += piece->length;
    }
    struct answer answer;
    const enum progress progress = !fits ? TOO_LARGE
                                         : answer_parse(
                                               slot->command.verb, slot->command.key, slot->command.key_length,
                                               whole.data, whole.used, slot->max_value, &answer);
    if (progress == COMPLETE && answer.used == whole.used) {
        datagram_forget(reactor, index);
        slot_answer(reactor, index, &answer);
    } else if (progress == TOO_LARGE) {
        slot_fail(reactor, index, DN_COMM_TOO_LARGE, "a value is larger than allowed");
    } else {
        slot_fail(reactor, index, DN_COMM_PROTOCOL, "the server does not keep the protocol");
    }
    free(whole.data);
}

void datagrams_ready(dn_reactor *reactor, size_t server) {
    struct link *link = &reactor->links[server];
    char datagram[65536];
    for (;;) {
        ssize_t count = recv(link->datagrams, datagram, sizeof datagram, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (count < 0) {
            /* ICMP says that nobody listens: none of those under way will be answered. */
            const int error = errno;
            for (int i = 0; i < reactor->slot_count; i++) {
                struct slot *slot = &reactor->slots[i];
                if (slot->state == SENT && slot->command.server == server)
                    slot_fail(reactor, i, DN_COMM_CONNECT, "%s", strerror(error));
            }
            continue;
        }
        if (count < DATAGRAM_HEADER) continue;
        const unsigned char *head = (const unsigned char *)datagram;
        const unsigned id = (unsigned)head[0] << 8 | head[1];
        const int index = link->by_id[id % ID_PLACES];
        /* Late ones, for requests that were given up, find nobody. */
        if (index == NONE || reactor->slots[index].place != (int)id) continue;
        if (keep(&reactor->slots[index], (unsigned)head[2] << 8 | head[3], (unsigned)head[4] << 8 | head[5],
                 datagram + DATAGRAM_HEADER, (size_t)count - DATAGRAM_HEADER))
            answer_whole(reactor, index);
    }
}

void datagrams_destroy(dn_reactor *reactor) {
    for (size_t server = 0; server < reactor->instance->server_count; server++) {
        struct link *link = &reactor->links[server];
        if (link->datagrams != NONE) close(link->datagrams);
        free(link->by_id);
    }
}
