#include "thread.h"
#include "calls.h"
#include <signal.h>

#define GUARD UINT64_C(0x9e6c63d0676a9a99) /* at the end of a stack: any value that programs do not write by chance */
#define LATE 1000                          /* nanoseconds that a sleep takes longer */
#define IN_A_ROW 16                        /* readings of a clock by one thread, after which the others have a turn */

static struct hl_thread first = {.next = &first, .previous = &first, .number = 1};
static struct hl_thread *ended; /* its memory is in use until another one runs */
static long (*unmap)(long, long); /* munmap(2), in programs that make threads */
static int last_number = 1;

struct hl_thread *hl_current = &first;
int hl_thread_count = 1;

/* In the debug backend by a system call; otherwise by an instruction. */
__attribute__((visibility("hidden"))) int __set_thread_area(void *pointer);

struct hl_thread *hl_thread_numbered(long number) {
    struct hl_thread *thread = hl_current;
    do {
        if (thread->number == number) return thread;
        thread = thread->next;
    } while (thread != hl_current);
    return NULL;
}

static bool can_run(const struct hl_thread *thread) {
    if (!thread->waits || hl_signal_due(thread) || hl_elapsed() >= thread->until) return true;
    return thread->ready && thread->ready(thread->ready_argument);
}

static uint64_t soonest(const struct hl_thread *from) {
    uint64_t time = hl_timers_next();
    const struct hl_thread *thread = from;
    do {
        if (thread->waits && thread->until < time) time = thread->until;
        thread = thread->next;
    } while (thread != from);
    return time;
}

/* A little later than it was due, as on any system: callers reckon with clocks of less than a nanosecond's precision. */
static void move_on_to(uint64_t time) {
    uint64_t now = hl_elapsed();
    if (time > now) hl_sleep(time - now + LATE);
    hl_timers_fire();
}

__attribute__((noreturn)) static void deadlock(const struct hl_thread *thread) {
    hl_die(hl_thread_count == 1 ? "" : "is deadlocked: each of its threads waits, and one ", thread->what, 128 + SIGALRM);
}

/* The first thread from `from` on that can go on, now or when time has moved on. */
static struct hl_thread *next_from(struct hl_thread *from) {
    for (;;) {
        struct hl_thread *thread = from;
        hl_timers_fire();
        do {
            if (can_run(thread)) return thread;
            thread = thread->next;
        } while (thread != from);
        uint64_t time = soonest(from);
        if (time == HL_NEVER) deadlock(from);
        move_on_to(time);
    }
}

/* What an ended thread leaves. */
static void bury(void) {
    struct hl_thread *thread = ended;
    if (!thread) return;
    ended = NULL;
    if (thread->stack) unmap((long)thread->stack, (long)thread->stack_size);
    if (thread != &first) hl_block_give(thread, sizeof *thread);
}

static void run(struct hl_thread *thread) {
    struct hl_thread *from = hl_current;
    if (thread == from) return;
    if (from->guard && *from->guard != GUARD) hl_die("overran the stack of a thread", "", 128 + SIGSEGV);
    if (!from->pointer) from->pointer = hl_thread_pointer();
    hl_current = thread;
    __set_thread_area(thread->pointer);
    hl_switch(&from->stopped_at, thread->stopped_at);
    bury();
}

long hl_wait(bool (*ready)(void *), void *argument, uint64_t until, bool restarts, const char *what) {
    struct hl_thread *self = hl_current;
    for (;;) {
        long handled = hl_deliver_signals();
        if (handled < 0 || (handled > 0 && !restarts)) return -EINTR;
        if (ready && ready(argument)) return 0;
        if (hl_elapsed() >= until) return -ETIMEDOUT;
        /* Set again in each round: a handler may have waited itself. */
        self->waits = true;
        self->ready = ready;
        self->ready_argument = argument;
        self->until = until;
        self->what = what;
        run(next_from(self->next));
        self->waits = false;
    }
}

long hl_sched_yield(void) {
    struct hl_thread *next = next_from(hl_current->next);
    if (next == hl_current) {
        /* One that yields again and again waits for those that sleep. */
        uint64_t time = soonest(hl_current);
        if (time != HL_NEVER) move_on_to(time), next = next_from(hl_current->next);
    }
    run(next);
    hl_deliver_signals();
    return 0;
}

void hl_give_way(void) {
    if (hl_thread_count > 1 || hl_timers_set) hl_sched_yield();
}

void hl_clock_was_read(void) {
    static unsigned in_a_row;
    static const struct hl_thread *by;
    if (hl_timers_set) hl_timers_fire(), hl_deliver_signals();
    if (hl_thread_count == 1) return;
    in_a_row = by == hl_current ? in_a_row + 1 : 0;
    by = hl_current;
    if (in_a_row < IN_A_ROW) return;
    in_a_row = 0;
    run(next_from(hl_current->next));
    hl_deliver_signals();
}

void hl_run_thread(struct hl_thread *thread) {
    bury();
    hl_exit_thread(thread->start(thread->argument));
    __builtin_unreachable();
}

long hl_clone_thread(int (*start)(void *), void *stack, unsigned long flags, void *argument, int *parent, void *pointer,
    int *clear, void *lowest) {
    (void)flags;
    struct hl_thread *thread = hl_block_take(sizeof *thread);
    if (!thread) return -EAGAIN;
    *thread = (struct hl_thread){.number = ++last_number, .clear = clear, .start = start, .argument = argument,
        .pointer = pointer, .guard = lowest, .blocked = hl_current->blocked};
    if (lowest) *thread->guard = GUARD;
    thread->stopped_at = hl_first_frame(stack, thread);
    /* The last in the ring as seen from the one that makes it: its turn comes after those that were there. */
    thread->next = hl_current;
    thread->previous = hl_current->previous;
    thread->previous->next = thread;
    hl_current->previous = thread;
    hl_thread_count++;
    if (parent) *parent = thread->number;
    return thread->number;
}

long hl_exit_thread(long code) {
    struct hl_thread *self = hl_current, *next = self->next;
    if (next == self) hl_leave((int)code & 255);
    if (self->clear) {
        *self->clear = 0;
        hl_futex_wake(self->clear, 1, UINT32_MAX);
    }
    next->previous = self->previous;
    self->previous->next = next;
    hl_thread_count--;
    ended = self;
    run(next_from(next));
    __builtin_unreachable();
}

void hl_exit_unmapping(void *stack, uint64_t size) {
    unmap = hl_munmap;
    hl_current->stack = stack;
    hl_current->stack_size = size;
    hl_exit_thread(0);
    __builtin_unreachable();
}

long hl_set_tid_address(long clear) {
    hl_current->clear = (int *)clear;
    return hl_current->number;
}

long hl_gettid(void) { return hl_current->number; }
