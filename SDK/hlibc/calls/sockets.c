/* Pairs of sockets within the process, socketpair(2). There are no others: nothing leads out of a function. */
#include "../core/ring.h"
#include "thread.h"
#include "calls.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* What one side sends; of messages, each with its length in front. */
struct channel {
    struct hl_ring ring;
    uint32_t sides; /* that know it */
    bool no_writer, no_reader;
};

struct side {
    struct channel *in, *out;
    int type;
};

typedef uint32_t length_word;

static int64_t take(struct side *side, void *to, size_t count, int flags) {
    struct hl_ring *ring = &side->in->ring;
    if (ring->used == 0) return side->in->no_writer || side->in->no_reader ? 0 : -EAGAIN;
    if (side->type == SOCK_STREAM)
        return (int64_t)(flags & MSG_PEEK ? hl_ring_look(ring, to, count) : hl_ring_read(ring, to, count));
    struct hl_ring before = *ring;
    length_word length;
    hl_ring_read(ring, &length, sizeof length);
    size_t taken = count < length ? count : length;
    hl_ring_read(ring, to, taken);
    if (flags & MSG_PEEK) {
        *ring = before;
    } else {
        ring->used -= length - taken;
        ring->start = ring->used > 0 ? (ring->start + length - taken) % ring->capacity : 0;
    }
    return (int64_t)(flags & MSG_TRUNC ? length : taken);
}

static int64_t read_socket(struct hl_node *node, void *to, size_t count) {
    int64_t done = take(node->stream.state, to, count, 0);
    if (done >= 0) node->stream.changes++;
    return done;
}

static int64_t write_socket(struct hl_node *node, const void *from, size_t count) {
    struct side *side = node->stream.state;
    struct hl_ring *ring = &side->out->ring;
    if (side->out->no_reader || side->out->no_writer) return -EPIPE;
    size_t room = ring->capacity - ring->used;
    if (side->type == SOCK_STREAM) {
        if (count > 0 && room == 0) return -EAGAIN;
        return hl_ring_write(ring, from, count);
    }
    if (count > ring->capacity - sizeof(length_word)) return -EMSGSIZE;
    if (room < count + sizeof(length_word)) return -EAGAIN;
    length_word length = (length_word)count;
    if (hl_ring_write(ring, &length, sizeof length) < 0) return -ENOBUFS;
    return hl_ring_write(ring, from, count);
}

static unsigned socket_events(const struct hl_node *node, unsigned access) {
    const struct side *side = node->stream.state;
    unsigned events = 0;
    bool ended = side->in->no_writer || side->in->no_reader;
    (void)access;
    if (side->in->ring.used > 0 || ended) events |= HL_CAN_READ;
    if (ended) events |= HL_HALF_CLOSED;
    if (ended && (side->out->no_reader || side->out->no_writer)) events |= HL_HUNG_UP;
    if (side->out->no_reader || side->out->no_writer) return events | HL_CAN_WRITE;
    return side->out->ring.capacity - side->out->ring.used > 4096 ? events | HL_CAN_WRITE : events;
}

static void let_go(struct channel *channel) {
    if (--channel->sides > 0) return;
    hl_ring_free(&channel->ring);
    hl_block_give(channel, sizeof *channel);
}

static void opened(struct hl_node *node, unsigned access) { (void)node, (void)access; }

static void release(struct hl_node *node) {
    struct side *side = node->stream.state;
    side->in->no_reader = side->out->no_writer = true;
    let_go(side->in);
    let_go(side->out);
    hl_block_give(side, sizeof *side);
}

static const struct hl_operations operations = {
    S_IFSOCK, read_socket, write_socket, socket_events, opened, opened, release, NULL};

static struct channel *new_channel(void) {
    struct channel *channel = hl_block_take(sizeof *channel);
    if (channel) *channel = (struct channel){.ring.capacity = HL_PIPE_SIZE, .sides = 2};
    return channel;
}

static struct hl_node *new_side(struct channel *in, struct channel *out, int type) {
    struct side *side = hl_block_take(sizeof *side);
    if (!side) return NULL;
    *side = (struct side){in, out, type};
    struct hl_node *node = hl_stream_create(&operations, side);
    if (!node) hl_block_give(side, sizeof *side);
    return node;
}

long hl_socketpair(long domain, long type, long protocol, long pair) {
    int kind = (int)type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    uint32_t flags = O_RDWR | (type & SOCK_CLOEXEC ? O_CLOEXEC : 0) | (type & SOCK_NONBLOCK ? O_NONBLOCK : 0);
    if (domain != AF_UNIX) return domain == AF_INET || domain == AF_INET6 ? -EOPNOTSUPP : -EAFNOSUPPORT;
    if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET) return -ESOCKTNOSUPPORT;
    if (protocol != 0 && protocol != AF_UNIX) return -EPROTONOSUPPORT;
    struct channel *there = new_channel(), *back = there ? new_channel() : NULL;
    struct hl_node *first = back ? new_side(there, back, kind) : NULL, *second = first ? new_side(back, there, kind) : NULL;
    if (second) return hl_open_pair(first, flags, second, flags, (int *)pair);
    if (first) {
        there->sides = back->sides = 1;
        hl_node_release(first);
    } else {
        if (there) there->sides = 1, let_go(there);
        if (back) back->sides = 1, let_go(back);
    }
    return -ENFILE;
}

/* Nothing but pairs. */
long hl_socket(long domain) { return domain == AF_UNIX ? -EACCES : -EAFNOSUPPORT; }

static struct hl_open *socket_of(long descriptor, long *error) {
    struct hl_open *open = hl_open_of(descriptor);
    bool socket = open && open->node->kind == HL_STREAM && open->node->stream.operations == &operations;
    *error = open ? -ENOTSOCK : -EBADF;
    return socket ? open : NULL;
}

static uint32_t with_flags(struct hl_open *open, long flags) {
    uint32_t before = open->flags;
    if (flags & MSG_DONTWAIT) open->flags |= O_NONBLOCK;
    return before;
}

static long send_bytes(struct hl_open *open, const void *from, size_t count, long flags) {
    uint64_t blocked = hl_current->blocked, pipe = UINT64_C(1) << (SIGPIPE - 1);
    uint32_t before = with_flags(open, flags);
    if (flags & MSG_NOSIGNAL) hl_current->blocked |= pipe;
    bool was_pending = hl_current->pending & pipe;
    long done = hl_stream_write(open, from, count);
    if (flags & MSG_NOSIGNAL && !was_pending) hl_current->pending &= ~pipe;
    hl_current->blocked = blocked;
    open->flags = before;
    return done;
}

static bool complete(struct side *side, size_t count) {
    return side->type != SOCK_STREAM || side->in->ring.used >= count || side->in->no_writer || side->in->no_reader;
}

struct awaited {
    struct side *side;
    size_t count;
};

static bool there(void *argument) {
    const struct awaited *awaited = argument;
    return awaited->side->in->ring.used > 0 && complete(awaited->side, awaited->count);
}

static bool there_or_over(void *argument) {
    const struct awaited *awaited = argument;
    return there(argument) || awaited->side->in->no_writer || awaited->side->in->no_reader;
}

static long receive_bytes(struct hl_open *open, void *to, size_t count, long flags) {
    struct hl_node *node = open->node;
    struct side *side = node->stream.state;
    bool waits = !(open->flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT);
    struct awaited awaited = {side, flags & MSG_WAITALL && count <= HL_PIPE_SIZE ? count : 1};
    if (waits && !there_or_over(&awaited)) {
        open->descriptors++;
        long error = hl_wait(there_or_over, &awaited, HL_NEVER, true, "waits for ever to receive what nobody sends");
        hl_release(open);
        if (error) return error;
    }
    int64_t done = take(side, to, count, (int)flags);
    if (done == -EAGAIN) hl_give_way();
    else if (done >= 0) node->stream.changes++;
    return (long)done;
}

long hl_sendto(long descriptor, long from, long count, long flags, long address) {
    long error;
    struct hl_open *open = socket_of(descriptor, &error);
    if (!open) return error;
    return address ? -EISCONN : send_bytes(open, (const void *)from, (size_t)count, flags);
}

static void nameless(struct sockaddr *to, socklen_t *length) {
    sa_family_t family = AF_UNIX;
    if (!to || !length) return;
    memcpy(to, &family, *length < sizeof family ? *length : sizeof family);
    *length = sizeof family;
}

long hl_recvfrom(long descriptor, long to, long count, long flags, long address, long length) {
    long error;
    struct hl_open *open = socket_of(descriptor, &error);
    if (!open) return error;
    long done = receive_bytes(open, (void *)to, (size_t)count, flags);
    if (done >= 0) nameless((struct sockaddr *)address, (socklen_t *)length);
    return done;
}

static size_t total_of(const struct msghdr *message) {
    size_t total = 0;
    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) total += message->msg_iov[i].iov_len;
    return total;
}

/* Rights to descriptors and the like are not passed on. Parts are put together first, so that a message stays one. */
long hl_sendmsg(long descriptor, long message, long flags) {
    const struct msghdr *header = (const struct msghdr *)message;
    long error;
    struct hl_open *open = socket_of(descriptor, &error);
    if (!open) return error;
    if (header->msg_controllen > 0) return -EOPNOTSUPP;
    if (header->msg_iovlen == 1) return send_bytes(open, header->msg_iov[0].iov_base, header->msg_iov[0].iov_len, flags);
    size_t total = total_of(header), at = 0;
    char *bytes = hl_block_take(total + 1);
    if (!bytes) return -ENOBUFS;
    for (size_t i = 0; i < (size_t)header->msg_iovlen; i++) {
        if (header->msg_iov[i].iov_len > 0) memcpy(bytes + at, header->msg_iov[i].iov_base, header->msg_iov[i].iov_len);
        at += header->msg_iov[i].iov_len;
    }
    long done = send_bytes(open, bytes, total, flags);
    hl_block_give(bytes, total + 1);
    return done;
}

long hl_recvmsg(long descriptor, long message, long flags) {
    struct msghdr *header = (struct msghdr *)message;
    long error;
    struct hl_open *open = socket_of(descriptor, &error);
    if (!open) return error;
    size_t total = total_of(header), at = 0;
    char *bytes = hl_block_take(total + 1);
    if (!bytes) return -ENOBUFS;
    const struct side *side = open->node->stream.state;
    long length = receive_bytes(open, bytes, total, flags | (side->type != SOCK_STREAM ? MSG_TRUNC : 0));
    long done = length > (long)total ? (long)total : length;
    for (size_t i = 0; done > 0 && i < (size_t)header->msg_iovlen && at < (size_t)done; i++) {
        size_t part = header->msg_iov[i].iov_len < (size_t)done - at ? header->msg_iov[i].iov_len : (size_t)done - at;
        memcpy(header->msg_iov[i].iov_base, bytes + at, part);
        at += part;
    }
    hl_block_give(bytes, total + 1);
    if (length < 0) return length;
    header->msg_flags = length > (long)total ? MSG_TRUNC : 0;
    header->msg_controllen = 0;
    header->msg_namelen = 0;
    return flags & MSG_TRUNC ? length : done;
}

long hl_shutdown(long descriptor, long how) {
    long error;
    struct hl_open *open = socket_of(descriptor, &error);
    if (!open) return error;
    struct side *side = open->node->stream.state;
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return -EINVAL;
    if (how != SHUT_WR) side->in->no_reader = true;
    if (how != SHUT_RD) side->out->no_writer = true;
    open->node->stream.changes++;
    return 0;
}

/* Both ends of a pair are nameless. */
long hl_getsockname(long descriptor, long address, long length) {
    long error;
    if (!socket_of(descriptor, &error)) return error;
    nameless((struct sockaddr *)address, (socklen_t *)length);
    return 0;
}

long hl_setsockopt(long descriptor) {
    long error;
    return socket_of(descriptor, &error) ? 0 : error;
}

static int option(const struct side *side, long name) {
    switch (name) {
    case SO_TYPE: return side->type;
    case SO_DOMAIN: return AF_UNIX;
    case SO_SNDBUF:
    case SO_RCVBUF: return HL_PIPE_SIZE;
    default: return 0;
    }
}

long hl_getsockopt(long descriptor, long level, long name, long to, long length) {
    long error;
    struct hl_open *open = socket_of(descriptor, &error);
    if (!open) return error;
    socklen_t *room = (socklen_t *)length;
    int value = level == SOL_SOCKET ? option(open->node->stream.state, name) : 0;
    if (level != SOL_SOCKET) return -ENOPROTOOPT;
    if (*room > sizeof value) *room = sizeof value;
    memcpy((void *)to, &value, *room);
    return 0;
}
