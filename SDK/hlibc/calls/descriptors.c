/* Descriptors and open descriptions. */
#include "calls.h"
#include <fcntl.h>
#include <sys/ioctl.h>

#define CLOSED_ON_EXEC 1u

static struct slot {
    struct hl_open *open;
    uint32_t flags;
} first_slots[8], *slots = first_slots;
static int slot_count = sizeof first_slots / sizeof first_slots[0];

void (*hl_closing)(struct hl_open *open);

static struct hl_open standard[3];
static bool standard_ready;

static void open_standard(void) {
    standard_ready = true;
    for (int i = 0; i < 3; i++) {
        struct hl_node *node = hl_standard_file(i);
        node->holds++;
        standard[i] = (struct hl_open){node, 0, i == 0 ? O_RDONLY : O_WRONLY | O_APPEND, 1};
        slots[i].open = &standard[i];
    }
}

/* What standard input is may have changed with the invocation. */
void hl_reopen_standard(void) {
    if (!standard_ready) return;
    struct hl_node *node = hl_standard_file(0), *before = standard[0].node;
    if (node == before || !before) return;
    node->holds++;
    standard[0].node = node;
    standard[0].offset = 0;
    before->holds--;
}

static struct slot *slot_of(long descriptor) {
    if (!standard_ready) open_standard();
    if (descriptor < 0 || descriptor >= slot_count || !slots[descriptor].open) return NULL;
    return &slots[descriptor];
}

struct hl_open *hl_named_by(long descriptor) {
    struct slot *slot = slot_of((int)descriptor);
    return slot ? slot->open : NULL;
}

struct hl_open *hl_open_of(long descriptor) {
    struct hl_open *open = hl_named_by(descriptor);
    return open && !(open->flags & O_PATH) ? open : NULL;
}

static struct hl_open *usable(long descriptor, uint32_t refused, long *error) {
    struct hl_open *open = hl_open_of(descriptor);
    *error = -EBADF;
    if (!open || (open->flags & HL_ACCESS_MODE) == refused) return NULL;
    *error = -EISDIR;
    return open->node->kind == HL_DIRECTORY ? NULL : open;
}

long hl_next_open(long from) {
    if (!standard_ready) open_standard();
    for (; from < slot_count; from++)
        if (slots[from].open) return from;
    return -1;
}

struct hl_open *hl_readable(long descriptor, long *error) { return usable(descriptor, O_WRONLY, error); }

struct hl_open *hl_writable(long descriptor, long *error) { return usable(descriptor, O_RDONLY, error); }

static int grow(int needed) {
    int count = slot_count;
    while (count <= needed) count *= 2;
    if (needed >= HL_DESCRIPTORS) return -EMFILE;
    struct slot *larger = hl_block_take((size_t)count * sizeof *larger);
    if (!larger) return -ENOMEM;
    memset(larger, 0, (size_t)count * sizeof *larger);
    memcpy(larger, slots, (size_t)slot_count * sizeof *larger);
    if (slots != first_slots) hl_block_give(slots, (size_t)slot_count * sizeof *slots);
    slots = larger;
    slot_count = count;
    return 0;
}

/* The lowest free slot from `from` on. */
static long vacant(int from) {
    if (!standard_ready) open_standard();
    if (from < 0 || from >= HL_DESCRIPTORS) return -EINVAL;
    int at = from;
    while (at < slot_count && slots[at].open) at++;
    if (at < slot_count) return at;
    int error = grow(at);
    return error ? error : at;
}

static void fill(long descriptor, struct hl_open *open, uint32_t flags) {
    slots[descriptor] = (struct slot){open, flags & O_CLOEXEC ? CLOSED_ON_EXEC : 0};
    open->descriptors++;
}

long hl_descriptor_for(struct hl_node *node, uint32_t flags, int from) {
    long descriptor = vacant(from);
    if (descriptor < 0) return descriptor;
    struct hl_open *open = hl_block_take(sizeof *open);
    if (!open) return -ENOMEM;
    *open = (struct hl_open){node, 0, flags & ~(uint32_t)O_CLOEXEC, 0};
    node->holds++;
    if (node->kind == HL_STREAM) node->stream.operations->opened(node, flags & HL_ACCESS_MODE);
    fill(descriptor, open, flags);
    return descriptor;
}

void hl_release(struct hl_open *open) {
    struct hl_node *node = open->node;
    if (--open->descriptors > 0) return;
    if (hl_closing) hl_closing(open);
    if (node->kind == HL_STREAM) node->stream.operations->closed(node, open->flags & HL_ACCESS_MODE);
    node->holds--;
    hl_node_release(node);
    if (open < standard || open >= standard + 3) hl_block_give(open, sizeof *open);
}

long hl_close(long descriptor) {
    struct slot *slot = slot_of((int)descriptor);
    if (!slot) return -EBADF;
    struct hl_open *open = slot->open;
    slot->open = NULL;
    hl_release(open);
    return 0;
}

/* close_range(2) */
long hl_close_range(long first, long last, long flags) {
    if ((unsigned)first > (unsigned)last) return -EINVAL;
    for (long at = (unsigned)first; (at = hl_next_open(at)) >= 0 && at <= (long)(unsigned)last; at++) {
        if (flags & 4) slots[at].flags |= CLOSED_ON_EXEC; /* CLOSE_RANGE_CLOEXEC */
        else hl_close(at);
    }
    return 0;
}

long hl_duplicate(long descriptor, int from, uint32_t flags) {
    struct hl_open *open = hl_named_by(descriptor);
    if (!open) return -EBADF;
    long copy = vacant(from);
    if (copy >= 0) fill(copy, open, flags);
    return copy;
}

long hl_dup(long descriptor) { return hl_duplicate(descriptor, 0, 0); }

static long replace(long descriptor, long copy, uint32_t flags) {
    struct hl_open *open = hl_named_by(descriptor);
    if (!open || (int)copy < 0 || (int)copy >= HL_DESCRIPTORS) return -EBADF;
    if ((int)copy >= slot_count) {
        int error = grow((int)copy);
        if (error) return error;
    }
    if (slots[copy].open == open) return copy;
    if (slots[copy].open) hl_close(copy);
    fill(copy, open, flags);
    return copy;
}

long hl_dup2(long descriptor, long copy) { return replace(descriptor, copy, 0); }

long hl_dup3(long descriptor, long copy, long flags) {
    return (int)descriptor == (int)copy ? -EINVAL : replace(descriptor, copy, (uint32_t)flags);
}

/* Locks are always had: there is no other process. */
long hl_fcntl(long descriptor, long command, long argument) {
    const uint32_t changeable = O_APPEND | O_NONBLOCK;
    struct slot *slot = slot_of((int)descriptor);
    if (!slot) return -EBADF;
    if (slot->open->flags & O_PATH && (command == F_SETFL || command == F_GETLK || command == F_SETLK || command == F_SETLKW))
        return -EBADF;
    switch (command) {
    case F_DUPFD: return hl_duplicate(descriptor, (int)argument, 0);
    case F_DUPFD_CLOEXEC: return hl_duplicate(descriptor, (int)argument, O_CLOEXEC);
    case F_GETFD: return slot->flags & CLOSED_ON_EXEC ? FD_CLOEXEC : 0;
    case F_SETFD: slot->flags = argument & FD_CLOEXEC ? CLOSED_ON_EXEC : 0; return 0;
    case F_GETFL: return (long)(slot->open->flags | O_LARGEFILE);
    case F_SETFL:
        slot->open->flags = (slot->open->flags & ~changeable) | ((uint32_t)argument & changeable);
        return 0;
    case F_GETLK: ((struct flock *)argument)->l_type = F_UNLCK; return 0;
    case F_SETLK:
    case F_SETLKW: return 0;
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ: return slot->open->node->kind == HL_STREAM ? HL_PIPE_SIZE : -EBADF;
    default: return -EINVAL;
    }
}

long hl_ioctl(long descriptor, long request, long argument) {
    struct hl_open *open = hl_open_of(descriptor);
    if (!open) return -EBADF;
    if ((unsigned long)request == FIONBIO) {
        open->flags = *(const int *)argument ? open->flags | O_NONBLOCK : open->flags & ~(uint32_t)O_NONBLOCK;
        return 0;
    }
    if (open->node->kind == HL_STREAM && open->node->stream.operations->control)
        return open->node->stream.operations->control(open->node, request, argument);
    if ((unsigned long)request != FIONREAD || open->node->kind != HL_FILE) return -ENOTTY;
    uint64_t size = open->node->file.size;
    *(int *)argument = (int)(size > open->offset ? size - open->offset : 0);
    return 0;
}

long hl_check_descriptor(long descriptor) { return hl_open_of(descriptor) ? 0 : -EBADF; }
