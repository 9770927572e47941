/* Signals that the function sends to itself: handlers run inside of the call that sends or unblocks them. */
#include "calls.h"
#include <signal.h>

#define SIGNALS 64

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
static uint64_t blocked, pending;

static uint64_t bit(int signal) { return UINT64_C(1) << (signal - 1); }

static bool ignored_by_default(int signal) {
    return signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT;
}

static void deliver(int signal) {
    struct action action = actions[signal];
    pending &= ~bit(signal);
    if (action.handler == SIG_IGN || (action.handler == SIG_DFL && ignored_by_default(signal))) return;
    if (action.handler == SIG_DFL) hl_leave(128 + signal);
    uint64_t before = blocked;
    blocked |= (uint64_t)action.mask[0] | (uint64_t)action.mask[1] << 32;
    if (!(action.flags & SA_NODEFER)) blocked |= bit(signal);
    if (action.flags & SA_RESETHAND) actions[signal].handler = SIG_DFL;
    if (action.flags & SA_SIGINFO) {
        siginfo_t info = {.si_signo = signal, .si_code = SI_TKILL};
        action.informed(signal, &info, NULL);
    } else {
        action.handler(signal);
    }
    blocked = before;
}

static void deliver_pending(void) {
    for (uint64_t ready; (ready = pending & ~blocked) != 0;) deliver(__builtin_ctzll(ready) + 1);
}

long hl_kill(long process, long signal) {
    if (process != 0 && process != 1 && process != -1) return -ESRCH;
    if (signal < 0 || signal > SIGNALS) return -EINVAL;
    if (signal == 0) return 0;
    pending |= bit((int)signal);
    deliver_pending();
    return 0;
}

long hl_tgkill(long process, long thread, long signal) { return process == 1 ? hl_kill(thread, signal) : -ESRCH; }

long hl_sigaction(long signal, long new_action, long old_action) {
    if (signal < 1 || signal > SIGNALS || (new_action && (signal == SIGKILL || signal == SIGSTOP))) return -EINVAL;
    if (old_action) memcpy((void *)old_action, &actions[signal], sizeof(struct action));
    if (new_action) memcpy(&actions[signal], (const void *)new_action, sizeof(struct action));
    return 0;
}

long hl_sigprocmask(long how, long new_mask, long old_mask) {
    if (old_mask) memcpy((void *)old_mask, &blocked, sizeof blocked);
    if (!new_mask) return 0;
    uint64_t mask;
    memcpy(&mask, (const void *)new_mask, sizeof mask);
    switch (how) {
    case SIG_BLOCK: blocked |= mask; break;
    case SIG_UNBLOCK: blocked &= ~mask; break;
    case SIG_SETMASK: blocked = mask; break;
    default: return -EINVAL;
    }
    blocked &= ~(bit(SIGKILL) | bit(SIGSTOP));
    deliver_pending();
    return 0;
}

long hl_sigpending(long to) {
    memcpy((void *)to, &pending, sizeof pending);
    return 0;
}

/* Handlers run on the stack they find. */
long hl_sigaltstack(long stack, long old_stack) {
    (void)stack;
    if (old_stack) *(stack_t *)old_stack = (stack_t){.ss_flags = SS_DISABLE};
    return 0;
}

long hl_pause(void) { hl_die("waits for a signal that nobody can send", SIGALRM); }
