/* epoll(7). */
#include "thread.h"
#include "calls.h"
#include <fcntl.h>
#include <sys/epoll.h>

struct interest {
    struct interest *next;
    struct hl_open *open; /* known as long as one of its descriptors is open */
    int descriptor;
    struct epoll_event event;
    unsigned reported; /* of an edge: what was told */
    uint32_t changes;  /* and as of which change */
    bool off;          /* EPOLLONESHOT, told once */
};

struct set {
    struct set *next;
    struct hl_node *node;
    struct interest *interests, **last;
};

static struct set *sets; /* all there are, for descriptions that are closed */

static uint32_t epoll_events(const struct hl_open *open) {
    unsigned events = hl_events_of(open);
    uint32_t result = 0;
    if (events & HL_CAN_READ) result |= EPOLLIN | EPOLLRDNORM;
    if (events & HL_CAN_WRITE) result |= EPOLLOUT | EPOLLWRNORM;
    if (events & HL_HUNG_UP) result |= EPOLLHUP;
    if (events & HL_BROKEN) result |= EPOLLERR;
    if (events & HL_HALF_CLOSED) result |= EPOLLRDHUP;
    return result;
}

static uint32_t due(const struct interest *interest) {
    uint32_t wanted = interest->event.events | EPOLLHUP | EPOLLERR;
    if (interest->off) return 0;
    uint32_t now = epoll_events(interest->open) & wanted;
    bool same = interest->reported == now && interest->changes == interest->open->node->stream.changes;
    return interest->event.events & EPOLLET && same ? 0 : now;
}

static bool any_due(void *argument) {
    const struct set *set = argument;
    for (const struct interest *at = set->interests; at; at = at->next)
        if (due(at)) return true;
    return false;
}

static unsigned set_events(const struct hl_node *node, unsigned access) {
    (void)access;
    return any_due(node->stream.state) ? HL_CAN_READ : 0;
}

static void remove_interest(struct set *set, struct interest **at) {
    struct interest *gone = *at;
    *at = gone->next;
    if (set->last == &gone->next) set->last = at;
    hl_block_give(gone, sizeof *gone);
}

static void forget(struct hl_open *open) {
    for (struct set *set = sets; set; set = set->next) {
        struct interest **at = &set->interests;
        while (*at) {
            if ((*at)->open == open) remove_interest(set, at);
            else at = &(*at)->next;
        }
    }
}

static int64_t no_read(struct hl_node *node, void *to, size_t count) {
    (void)node, (void)to, (void)count;
    return -EINVAL;
}

static int64_t no_write(struct hl_node *node, const void *from, size_t count) {
    (void)node, (void)from, (void)count;
    return -EINVAL;
}

static void unchanged(struct hl_node *node, unsigned access) { (void)node, (void)access; }

static void release(struct hl_node *node) {
    struct set *set = node->stream.state;
    while (set->interests) remove_interest(set, &set->interests);
    for (struct set **at = &sets; *at; at = &(*at)->next) {
        if (*at != set) continue;
        *at = set->next;
        break;
    }
    hl_block_give(set, sizeof *set);
}

static const struct hl_operations operations = {0, no_read, no_write, set_events, unchanged, unchanged, release, NULL};

long hl_epoll_create1(long flags) {
    if (flags & ~EPOLL_CLOEXEC) return -EINVAL;
    struct set *set = hl_block_take(sizeof *set);
    struct hl_node *node = set ? hl_stream_create(&operations, set) : NULL;
    if (!node) {
        hl_block_give(set, sizeof *set);
        return -ENOMEM;
    }
    *set = (struct set){sets, node, NULL, &set->interests};
    sets = set;
    hl_closing = forget;
    long descriptor = hl_descriptor_for(node, O_RDWR | (uint32_t)flags, 0);
    if (descriptor < 0) hl_node_release(node);
    return descriptor;
}

long hl_epoll_create(long size) { return (int)size > 0 ? hl_epoll_create1(0) : -EINVAL; }

static struct set *set_of(long descriptor, long *error) {
    struct hl_open *open = hl_open_of(descriptor);
    bool is_set = open && open->node->kind == HL_STREAM && open->node->stream.operations == &operations;
    *error = open ? -EINVAL : -EBADF;
    return is_set ? open->node->stream.state : NULL;
}

static struct interest **find(struct set *set, const struct hl_open *open, int descriptor) {
    for (struct interest **at = &set->interests; *at; at = &(*at)->next)
        if ((*at)->open == open && (*at)->descriptor == descriptor) return at;
    return NULL;
}

static long add(struct set *set, struct hl_open *open, int descriptor, const struct epoll_event *event) {
    struct interest *interest = hl_block_take(sizeof *interest);
    if (!interest) return -ENOMEM;
    *interest = (struct interest){.open = open, .descriptor = descriptor, .event = *event};
    *set->last = interest;
    set->last = &interest->next;
    return 0;
}

long hl_epoll_ctl(long descriptor, long operation, long other, long event) {
    long error;
    struct set *set = set_of(descriptor, &error);
    if (!set) return error;
    struct hl_open *open = hl_open_of(other);
    if (!open) return -EBADF;
    if (open->node == set->node) return -EINVAL;
    if (open->node->kind != HL_STREAM) return -EPERM;
    struct interest **found = find(set, open, (int)other);
    switch (operation) {
    case EPOLL_CTL_ADD: return found ? -EEXIST : add(set, open, (int)other, (const struct epoll_event *)event);
    case EPOLL_CTL_DEL:
        if (found) remove_interest(set, found);
        return found ? 0 : -ENOENT;
    case EPOLL_CTL_MOD:
        if (!found) return -ENOENT;
        (*found)->event = *(const struct epoll_event *)event;
        (*found)->reported = 0;
        (*found)->off = false;
        return 0;
    default: return -EINVAL;
    }
}

/* Those that were told go behind the others, so that each has its turn when there is no room for all. */
static long report(struct set *set, struct epoll_event *to, long room) {
    long told = 0;
    struct interest *first_told = NULL;
    for (struct interest **at = &set->interests; *at && *at != first_told && told < room;) {
        struct interest *interest = *at;
        uint32_t events = due(interest);
        if (events == 0) {
            at = &interest->next;
            continue;
        }
        to[told++] = (struct epoll_event){events, interest->event.data};
        interest->reported = events;
        interest->changes = interest->open->node->stream.changes;
        interest->off = interest->event.events & EPOLLONESHOT;
        if (!first_told) first_told = interest;
        if (!interest->next) break;
        *at = interest->next;
        interest->next = NULL;
        *set->last = interest;
        set->last = &interest->next;
    }
    return told;
}

static long wait_for(long descriptor, long events, long room, uint64_t duration, long mask) {
    long error;
    struct set *set = set_of(descriptor, &error);
    if (!set) return error;
    if ((int)room <= 0) return -EINVAL;
    struct hl_open *open = hl_open_of(descriptor);
    uint64_t before = hl_current->blocked;
    if (mask) memcpy(&hl_current->blocked, (const void *)mask, sizeof before);
    if (duration == 0) hl_give_way();
    open->descriptors++;
    long result = hl_wait(any_due, set, duration == HL_NEVER ? HL_NEVER : hl_elapsed() + duration, false,
        "waits for ever in epoll_wait");
    hl_current->blocked = before;
    if (result == 0) result = report(set, (struct epoll_event *)events, (int)room);
    hl_release(open);
    return result == -ETIMEDOUT ? 0 : result;
}

long hl_epoll_pwait(long descriptor, long events, long room, long timeout, long mask) {
    return wait_for(descriptor, events, room, (int)timeout < 0 ? HL_NEVER : (uint64_t)(int)timeout * 1000000, mask);
}

long hl_epoll_pwait2(long descriptor, long events, long room, long timeout, long mask) {
    const struct timespec *time = (const struct timespec *)timeout;
    if (time && !hl_valid_time(time)) return -EINVAL;
    return wait_for(descriptor, events, room, time ? hl_nanoseconds(time) : HL_NEVER, mask);
}

long hl_epoll_wait(long descriptor, long events, long room, long timeout) {
    return hl_epoll_pwait(descriptor, events, room, timeout, 0);
}
