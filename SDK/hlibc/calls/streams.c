/* Between descriptors and nodes that are no files: who waits for what. */
#include "thread.h"
#include "calls.h"
#include <fcntl.h>
#include <signal.h>

struct hl_node *hl_stream_create(const struct hl_operations *operations, void *state) {
    struct hl_node *node = hl_node_create(HL_STREAM, 0600);
    if (node) node->stream.operations = operations, node->stream.state = state;
    return node;
}

long hl_open_pair(struct hl_node *first, uint32_t first_flags, struct hl_node *second, uint32_t second_flags, int *pair) {
    first->holds++; /* so that closing the first descriptor leaves the node */
    long one = hl_descriptor_for(first, first_flags, 0);
    long other = one < 0 ? one : hl_descriptor_for(second, second_flags, 0);
    first->holds--;
    if (other >= 0) {
        pair[0] = (int)one;
        pair[1] = (int)other;
        return 0;
    }
    if (one >= 0) hl_close(one);
    else hl_node_release(first);
    if (second != first) hl_node_release(second);
    return other;
}

unsigned hl_events_of(const struct hl_open *open) {
    if (open->node->kind != HL_STREAM) return HL_CAN_READ | HL_CAN_WRITE;
    return open->node->stream.operations->events(open->node, open->flags & HL_ACCESS_MODE);
}

static bool readable(void *open) { return (hl_events_of(open) & (HL_CAN_READ | HL_HUNG_UP | HL_BROKEN)) != 0; }

static bool writable(void *open) { return (hl_events_of(open) & (HL_CAN_WRITE | HL_BROKEN)) != 0; }

static long read_waiting(struct hl_open *open, void *to, size_t count) {
    for (;;) {
        long done = (long)open->node->stream.operations->read(open->node, to, count);
        if (done != -EAGAIN) return done;
        if (open->flags & O_NONBLOCK) {
            hl_give_way();
            return -EAGAIN;
        }
        long error = hl_wait(readable, open, HL_NEVER, true, "waits for ever to read what nobody writes");
        if (error) return error;
    }
}

/* All of it, unless a description that does not wait takes a part; SIGPIPE when nobody can read it any more. */
static long write_waiting(struct hl_open *open, const char *from, size_t count) {
    size_t total = 0;
    for (;;) {
        long done = (long)open->node->stream.operations->write(open->node, from + total, count - total);
        if (done >= 0) total += (size_t)done;
        if (done >= 0 && total == count) return (long)total;
        if (done >= 0) continue;
        if (done == -EPIPE && total == 0) hl_tkill(hl_gettid(), SIGPIPE);
        if (done == -EAGAIN && open->flags & O_NONBLOCK) hl_give_way();
        if (done != -EAGAIN || open->flags & O_NONBLOCK) return total > 0 ? (long)total : done;
        long error = hl_wait(writable, open, HL_NEVER, true, "waits for ever to write what nobody reads");
        if (error) return total > 0 ? (long)total : error;
    }
}

/* The description is kept while its thread waits, as another one may close the descriptor. */
long hl_stream_read(struct hl_open *open, void *to, size_t count) {
    open->descriptors++;
    long done = read_waiting(open, to, count);
    hl_release(open);
    return done;
}

long hl_stream_write(struct hl_open *open, const void *from, size_t count) {
    open->descriptors++;
    long done = write_waiting(open, from, count);
    hl_release(open);
    return done;
}
