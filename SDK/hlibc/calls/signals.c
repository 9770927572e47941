/* Signals that the function sends to itself, and those of timers: handlers run inside of calls. */
#include "thread.h"
#include "calls.h"
#include <signal.h>
#include <time.h>
#include <ucontext.h>

#define SIGNALS 64
#define CANCELS 33 /* musl's signal for pthread_cancel: it interrupts calls though it is installed otherwise */

/* The kernel's structure, as musl passes it (ksigaction.h). */
struct action {
    union {
        void (*handler)(int);
        void (*informed)(int, siginfo_t *, void *); /* with SA_SIGINFO */
    };
    unsigned long flags;
    void (*restorer)(void);
    unsigned mask[2];
};

static struct action actions[SIGNALS + 1];
static siginfo_t infos[SIGNALS + 1]; /* of the one sent last */
static uint64_t pending;             /* for any thread */

static uint64_t bit(int signal) { return UINT64_C(1) << (signal - 1); }

static uint64_t due_to(const struct hl_thread *thread) { return (pending | thread->pending) & ~thread->blocked; }

bool hl_signal_due(const struct hl_thread *thread) { return due_to(thread) != 0; }

static bool ignored(const struct action *action, int signal) {
    bool by_default = signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT;
    return action->handler == SIG_IGN || (action->handler == SIG_DFL && by_default);
}

/* A handler may change the mask that holds after it, in the context that it gets: musl's of a cancellation does. */
static void inform(const struct action *action, int signal, uint64_t *mask_after) {
    siginfo_t info = infos[signal];
    ucontext_t context;
    memset(&context, 0, sizeof context);
    memcpy(&context.uc_sigmask, mask_after, sizeof *mask_after);
    action->informed(signal, &info, &context);
    memcpy(mask_after, &context.uc_sigmask, sizeof *mask_after);
}

/* Whether its handler ran, as hl_deliver_signals says it. */
static long deliver(int signal) {
    struct hl_thread *self = hl_current;
    struct action action = actions[signal];
    pending &= ~bit(signal);
    self->pending &= ~bit(signal);
    if (ignored(&action, signal)) return 0;
    if (action.handler == SIG_DFL) hl_leave(128 + signal);
    uint64_t before = self->blocked;
    self->blocked |= (uint64_t)action.mask[0] | (uint64_t)action.mask[1] << 32;
    if (!(action.flags & SA_NODEFER)) self->blocked |= bit(signal);
    if (action.flags & SA_RESETHAND) actions[signal].handler = SIG_DFL;
    if (action.flags & SA_SIGINFO) inform(&action, signal, &before);
    else action.handler(signal);
    self->blocked = before;
    return action.flags & SA_RESTART && signal != CANCELS ? 1 : -EINTR;
}

long hl_deliver_signals(void) {
    long result = 0;
    for (uint64_t due; (due = due_to(hl_current)) != 0;) {
        long handled = deliver(__builtin_ctzll(due) + 1);
        if (handled < 0 || result == 0) result = handled;
    }
    return result;
}

void hl_send_signal(int signal, int number, int code, long value) {
    struct hl_thread *thread = number > 0 ? hl_thread_numbered(number) : NULL;
    infos[signal] = (siginfo_t){.si_signo = signal, .si_code = code};
    if (code == SI_USER || code == SI_TKILL) infos[signal].si_pid = 1;
    else infos[signal].si_value.sival_ptr = (void *)value;
    *(thread ? &thread->pending : &pending) |= bit(signal);
}

static long send(int number, long signal, int code) {
    if (signal < 0 || signal > SIGNALS) return -EINVAL;
    if (number > 0 && !hl_thread_numbered(number)) return -ESRCH;
    if (signal == 0) return 0;
    hl_send_signal((int)signal, number, code, 0);
    hl_deliver_signals();
    return 0;
}

long hl_kill(long process, long signal) {
    return process == 0 || process == 1 || process == -1 ? send(0, signal, SI_USER) : -ESRCH;
}

long hl_tkill(long number, long signal) { return number <= 0 ? -EINVAL : send((int)number, signal, SI_TKILL); }

/* sigqueue(3) */
long hl_sigqueueinfo(long process, long signal, long info) {
    const siginfo_t *from = (const siginfo_t *)info;
    if (process != 1) return -ESRCH;
    if (signal < 0 || signal > SIGNALS) return -EINVAL;
    if (signal > 0) hl_send_signal((int)signal, 0, from->si_code, (long)from->si_value.sival_ptr);
    hl_deliver_signals();
    return 0;
}

long hl_tgkill(long process, long number, long signal) { return process == 1 ? hl_tkill(number, signal) : -ESRCH; }

long hl_sigaction(long signal, long new_action, long old_action) {
    if (signal < 1 || signal > SIGNALS || (new_action && (signal == SIGKILL || signal == SIGSTOP))) return -EINVAL;
    if (old_action) memcpy((void *)old_action, &actions[signal], sizeof(struct action));
    if (new_action) memcpy(&actions[signal], (const void *)new_action, sizeof(struct action));
    return 0;
}

static uint64_t mask_at(long address) {
    uint64_t mask;
    memcpy(&mask, (const void *)address, sizeof mask);
    return mask & ~(bit(SIGKILL) | bit(SIGSTOP));
}

long hl_sigprocmask(long how, long new_mask, long old_mask) {
    struct hl_thread *self = hl_current;
    uint64_t old = self->blocked;
    if (new_mask) {
        uint64_t mask = mask_at(new_mask);
        switch (how) {
        case SIG_BLOCK: self->blocked |= mask; break;
        case SIG_UNBLOCK: self->blocked &= ~mask; break;
        case SIG_SETMASK: self->blocked = mask; break;
        default: return -EINVAL;
        }
    }
    if (old_mask) memcpy((void *)old_mask, &old, sizeof old);
    hl_deliver_signals();
    return 0;
}

long hl_sigpending(long to) {
    uint64_t both = (pending | hl_current->pending) & hl_current->blocked;
    memcpy((void *)to, &both, sizeof both);
    return 0;
}

/* Handlers run on the stack they find. */
long hl_sigaltstack(long stack, long old_stack) {
    (void)stack;
    if (old_stack) *(stack_t *)old_stack = (stack_t){.ss_flags = SS_DISABLE};
    return 0;
}

static long wait_for_signal(void) {
    return hl_wait(NULL, NULL, HL_NEVER, false, "waits for a signal that nobody can send");
}

long hl_pause(void) { return wait_for_signal(); }

long hl_sigsuspend(long mask) {
    uint64_t before = hl_current->blocked;
    hl_current->blocked = mask_at(mask);
    long result = wait_for_signal();
    hl_current->blocked = before;
    return result;
}

/* `ready` is asked while another thread runs, so the waiting one's signals are looked up by what it waits for. */
struct awaited {
    const struct hl_thread *thread;
    uint64_t set;
};

static bool has_arrived(void *argument) {
    const struct awaited *awaited = argument;
    return ((pending | awaited->thread->pending) & awaited->set) != 0;
}

long hl_sigtimedwait(long set, long info, long timeout) {
    struct awaited awaited = {hl_current, mask_at(set)};
    const struct timespec *time = (const struct timespec *)timeout;
    long result = hl_wait(has_arrived, &awaited, time ? hl_elapsed() + hl_nanoseconds(time) : HL_NEVER, false,
        "waits for a signal that nobody can send");
    if (result == -ETIMEDOUT) return -EAGAIN;
    if (result != 0) return result;
    int signal = __builtin_ctzll((pending | hl_current->pending) & awaited.set) + 1;
    pending &= ~bit(signal);
    hl_current->pending &= ~bit(signal);
    if (info) *(siginfo_t *)info = infos[signal];
    return signal;
}
