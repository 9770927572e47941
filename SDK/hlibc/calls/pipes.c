/* Pipes, with and without names. */
#include "pipes.h"
#include "calls.h"
#include "thread.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

struct pipe {
    struct hl_ring ring;
    uint32_t readers, writers;
    uint32_t readers_ever, writers_ever; /* who waits to open a named one sees others come, even when they left again */
};

static int64_t read_pipe(struct hl_node *node, void *to, size_t count) {
    struct pipe *pipe = node->stream.state;
    if (count == 0) return 0;
    if (pipe->ring.used == 0) return pipe->writers > 0 ? -EAGAIN : 0;
    node->stream.changes++;
    return (int64_t)hl_ring_read(&pipe->ring, to, count);
}

/* Up to PIPE_BUF bytes are written at once or not at all. */
static int64_t write_pipe(struct hl_node *node, const void *from, size_t count) {
    struct pipe *pipe = node->stream.state;
    size_t room = pipe->ring.capacity - pipe->ring.used;
    if (pipe->readers == 0) return -EPIPE;
    if (count == 0) return 0;
    if (room < (count <= PIPE_BUF ? count : 1)) return -EAGAIN;
    node->stream.changes++;
    return hl_ring_write(&pipe->ring, from, count);
}

static unsigned pipe_events(const struct hl_node *node, unsigned access) {
    const struct pipe *pipe = node->stream.state;
    unsigned events = 0;
    if (access != O_WRONLY) {
        if (pipe->ring.used > 0) events |= HL_CAN_READ;
        if (pipe->writers == 0 && pipe->writers_ever > 0) events |= HL_HUNG_UP;
    }
    if (access != O_RDONLY) {
        if (pipe->readers == 0) events |= HL_BROKEN | HL_CAN_WRITE;
        if (pipe->ring.capacity - pipe->ring.used >= PIPE_BUF) events |= HL_CAN_WRITE;
    }
    return events;
}

static void count(struct hl_node *node, unsigned access, uint32_t by) {
    struct pipe *pipe = node->stream.state;
    if (access != O_WRONLY) pipe->readers += by;
    if (access != O_RDONLY) pipe->writers += by;
    node->stream.changes++;
}

static void opened(struct hl_node *node, unsigned access) {
    struct pipe *pipe = node->stream.state;
    count(node, access, 1);
    if (access != O_WRONLY) pipe->readers_ever++;
    if (access != O_RDONLY) pipe->writers_ever++;
}

static void closed(struct hl_node *node, unsigned access) { count(node, access, (uint32_t)-1); }

static void release(struct hl_node *node) {
    struct pipe *pipe = node->stream.state;
    hl_ring_free(&pipe->ring);
    hl_block_give(pipe, sizeof *pipe);
}

static const struct hl_operations operations = {S_IFIFO, read_pipe, write_pipe, pipe_events, opened, closed, release, NULL};

struct hl_node *hl_pipe_create(void) {
    struct pipe *pipe = hl_block_take(sizeof *pipe);
    if (!pipe) return NULL;
    *pipe = (struct pipe){.ring.capacity = HL_PIPE_SIZE};
    struct hl_node *node = hl_stream_create(&operations, pipe);
    if (!node) hl_block_give(pipe, sizeof *pipe);
    return node;
}

long hl_pipe2(long pair, long flags) {
    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) return -EINVAL;
    struct hl_node *node = hl_pipe_create();
    if (!node) return -ENFILE;
    uint32_t kept = (uint32_t)flags & (O_CLOEXEC | O_NONBLOCK);
    return hl_open_pair(node, O_RDONLY | kept, node, O_WRONLY | kept, (int *)pair);
}

long hl_pipe(long pair) { return hl_pipe2(pair, 0); }

struct meeting {
    const struct pipe *pipe;
    uint32_t readers, writers;
};

static bool met(void *argument) {
    const struct meeting *meeting = argument;
    return meeting->pipe->readers_ever != meeting->readers || meeting->pipe->writers_ever != meeting->writers;
}

long hl_pipe_meet(struct hl_node *node, uint32_t flags) {
    const struct pipe *pipe = node->stream.state;
    unsigned access = flags & HL_ACCESS_MODE;
    if (node->stream.operations != &operations) return -ENXIO;
    if (access == O_RDWR || (access == O_RDONLY ? pipe->writers : pipe->readers) > 0) return 0;
    if (flags & O_NONBLOCK) return access == O_WRONLY ? -ENXIO : 0;
    struct meeting meeting = {pipe, pipe->readers_ever, pipe->writers_ever};
    return hl_wait(met, &meeting, HL_NEVER, true, "waits for ever to open a pipe whose other end nobody opens");
}
