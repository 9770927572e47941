/* One owner of signal handlers. Plugins attach to a thread; faults and kicks of that thread come to them. */
#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { PER_THREAD = 16, TOKENS = 4096, STACK_BYTES = 64 * 1024 };

struct attachment {
    int32_t (*handler)(void *, int32_t, void *, void *); /* null = free */
    void *arg;
    uint64_t token;
};

/* initial-exec: a handler may touch these without the dynamic linker allocating. */
static __thread struct attachment attached[PER_THREAD] __attribute__((tls_model("initial-exec")));
static __thread int attached_count __attribute__((tls_model("initial-exec")));

/* Which thread a token names. A token is index | generation << 32, so that a stale one matches nothing. */
static struct {
    _Atomic uint32_t generation;
    _Atomic int32_t tid; /* 0 = free */
} tokens[TOKENS];

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
enum { FAULTS = sizeof fault_signals / sizeof *fault_signals };
/* What handled them before: a program that embeds us may have handlers of its own. */
static struct sigaction former[FAULTS];

int cp_kick_signal(void) { return SIGRTMIN + 4; }

static void dispatch(int signo, siginfo_t *info, void *context) {
    int saved = errno;
    for (int i = attached_count - 1; i >= 0; i--) {
        if (attached[i].handler && attached[i].handler(attached[i].arg, signo, info, context)) {
            errno = saved;
            return;
        }
    }
    errno = saved;
    if (signo == cp_kick_signal()) return;
    for (int i = 0; i < FAULTS; i++) {
        if (fault_signals[i] != signo || !(former[i].sa_flags & SA_SIGINFO)) continue;
        former[i].sa_sigaction(signo, info, context);
        return;
    }
    /* Nobody's: die of it as without us. The instruction repeats, or the queued signal is delivered, on return. */
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    sigaction(signo, &fallback, NULL);
    if (info->si_code <= 0) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signo);
}

static int install_result;

static void install(void) {
    struct sigaction action = {.sa_sigaction = dispatch, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < FAULTS; i++)
        if (sigaction(fault_signals[i], &action, &former[i]) != 0) install_result = errno;
    if (sigaction(cp_kick_signal(), &action, NULL) != 0) install_result = errno;
}

int cp_signals_install(void) {
    /* Every engine thread comes here at once, and none may go on before the handlers are there. */
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int r = pthread_once(&once, install);
    return r != 0 ? r : install_result;
}

static int ensure_stack(void) {
    stack_t now;
    if (sigaltstack(NULL, &now) != 0) return errno;
    if (!(now.ss_flags & SS_DISABLE) && now.ss_size >= STACK_BYTES) return 0;
    /* Lives as long as the thread; threads that attach are engine threads, which live as long as the node. */
    void *memory = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return errno;
    stack_t stack = {.ss_sp = memory, .ss_size = STACK_BYTES};
    return sigaltstack(&stack, NULL) == 0 ? 0 : errno;
}

static void mask_kick(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, cp_kick_signal());
    pthread_sigmask(how, &set, NULL);
}

/* Threads inherit the mask of whoever made them, and a blocked kick would never arrive. */
static void unblock(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, cp_kick_signal());
    for (int i = 0; i < FAULTS; i++) sigaddset(&set, fault_signals[i]);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int cp_signals_attach(cp_signal_handler handler, void *arg, uint64_t *token) {
    int r = ensure_stack();
    if (r != 0) return r;
    if (attached_count == PER_THREAD) return ENOSPC;
    unblock();
    int32_t tid = cp_gettid();
    for (uint32_t i = 0; i < TOKENS; i++) {
        int32_t free_slot = 0;
        if (!atomic_compare_exchange_strong(&tokens[i].tid, &free_slot, tid)) continue;
        uint32_t generation = atomic_load(&tokens[i].generation);
        *token = (uint64_t)generation << 32 | i;
        attached[attached_count] = (struct attachment){handler, arg, *token};
        atomic_signal_fence(memory_order_seq_cst);
        attached_count++;
        return 0;
    }
    return ENOSPC;
}

void cp_signals_detach(uint64_t token) {
    for (int i = 0; i < attached_count; i++) {
        if (attached[i].token != token) continue;
        /* A kick in between would find one entry's handler with another's argument. */
        mask_kick(SIG_BLOCK);
        for (int j = i; j + 1 < attached_count; j++) attached[j] = attached[j + 1];
        attached_count--;
        mask_kick(SIG_UNBLOCK);
        uint32_t slot = (uint32_t)token;
        atomic_fetch_add(&tokens[slot].generation, 1);
        atomic_store(&tokens[slot].tid, 0);
        return;
    }
}

void cp_signals_kick(uint64_t token) {
    uint32_t slot = (uint32_t)token;
    if (slot >= TOKENS) return;
    int32_t tid = atomic_load(&tokens[slot].tid);
    if (tid == 0 || atomic_load(&tokens[slot].generation) != (uint32_t)(token >> 32)) return;
    int saved = errno;
    syscall(SYS_tgkill, getpid(), tid, cp_kick_signal());
    errno = saved;
}
