/* Threads take turns: one runs until it waits, sleeps, yields or ends, and then the next one in the order of their making
 * that can go on. Nothing interrupts one that computes, so that the same inputs give the same outputs. */
#ifndef HL_THREADS_H
#define HL_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#define HL_NEVER UINT64_MAX

struct hl_thread {
    struct hl_thread *next, *previous; /* the ring of all threads */
    void *stopped_at;                  /* its stack pointer while another one runs */
    void *pointer;                     /* its thread pointer then */
    int number;
    int *clear; /* set to 0 and woken when it ends, set_tid_address(2) */
    int (*start)(void *);
    void *argument;
    uint64_t *guard;      /* the lowest word of its stack, which stays as it is; NULL: not known */
    void *stack;          /* to be unmapped when it has ended */
    uint64_t stack_size;
    uint64_t blocked, pending; /* signals */
    /* While it waits: */
    bool waits;
    bool (*ready)(void *);
    void *ready_argument;
    uint64_t until;
    const char *what;
    /* While it waits for a futex: */
    const volatile int *futex;
    uint32_t futex_bits;
    uint64_t futex_order;
    bool woken;
};

extern struct hl_thread *hl_current;
extern int hl_thread_count;

/* Lets others run until `ready(argument)`, NULL: never; until the function's time is `until`; or until a signal's handler
 * ran, after which waiting goes on when the signal was installed so and `restarts`. 0, -ETIMEDOUT or -EINTR. When none of
 * that can happen any more the function ends with a message that it `what`. */
long hl_wait(bool (*ready)(void *), void *argument, uint64_t until, bool restarts, const char *what);
/* A thread of the same process, or NULL. */
struct hl_thread *hl_thread_numbered(long number);
/* When nothing came of asking: the others' turn, as one that asks again and again waits for them. */
void hl_give_way(void);

/* futex(2) */
long hl_futex_wake(const volatile int *word, long count, uint32_t bits);

/* Makes a thread that begins with `start(argument)` at the top of `stack`. Its number, or -errno. */
long hl_clone_thread(int (*start)(void *), void *stack, unsigned long flags, void *argument, int *parent, void *pointer,
    int *clear, void *lowest);
/* Ends the calling thread, whose stack is unmapped by the next one. */
__attribute__((noreturn)) void hl_exit_unmapping(void *stack, uint64_t size);

/* switch.c: from a thread to another, and the first frame of a new one. */
void hl_switch(void **stopped_at, void *to);
void *hl_first_frame(void *stack, struct hl_thread *thread);
void *hl_thread_pointer(void);
__attribute__((noreturn)) void hl_run_thread(struct hl_thread *thread);

/* signals.c: whether one waits to be delivered to a thread; delivers those of the running one. 0 when no handler ran,
 * -EINTR when one interrupts calls, 1 when all that ran leave them to go on. */
bool hl_signal_due(const struct hl_thread *thread);
long hl_deliver_signals(void);
/* To the thread of that number, or, when it is 0, to any; `value` is the information's unless `code` is kill's. */
void hl_send_signal(int signal, int number, int code, long value);

/* timers.c: when the next one is due, in the function's time; sends the signals of those that are. */
uint64_t hl_timers_next(void);
void hl_timers_fire(void);
/* Whether any is set. */
extern bool hl_timers_set;

#endif
