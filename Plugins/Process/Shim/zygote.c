/* The zygote: a process without libc that makes the processes which run functions, and what those do before and after.
 *
 * Everything here is copied into another process (section "zygote"), so it uses no global, no library and no constant
 * that the compiler would place elsewhere; the target is compiled without jump tables and vector registers. */
#define _GNU_SOURCE
#include "zygote.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <ucontext.h>

#define ZYGOTE __attribute__((section("zygote"), used, noinline, visibility("hidden")))
#define INLINE __attribute__((always_inline)) static inline

#define SCHED_BATCH_POLICY 3
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define ARCH_SET_FS 0x1002
#define SYSCALL_DISPATCH 59 /* PR_SET_SYSCALL_USER_DISPATCH */
#define AUDIT_X86_64 0xc000003e

void zygote_main(void);
__attribute__((noreturn)) void zygote_child(void);
void zygote_on_signal(int signo, siginfo_t *info, void *context);

_Static_assert(offsetof(dp_child, done) == 8, "gate.S knows this offset");
_Static_assert(sizeof(dp_child) <= DP_CONTROL_SIZE && sizeof(zygote_params) <= DP_DATA_SIZE / 2, "they fit their pages");

INLINE long call6(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define CALL(number, a, b, c, d) call6(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

INLINE dp_zygote *zygote_page(void) { return (dp_zygote *)DP_ZYGOTE; }
INLINE dp_child *child_page(void) { return (dp_child *)DP_CHILD; }
INLINE zygote_params *params(void) { return (zygote_params *)DP_DATA; }

INLINE void futex_wait(uint32_t *word, uint32_t value) { CALL(__NR_futex, word, FUTEX_WAIT, value, 0); }
INLINE void futex_wake(uint32_t *word) { CALL(__NR_futex, word, FUTEX_WAKE, 1, 0); }
INLINE void quit(void) { CALL(__NR_exit_group, 1, 0, 0, 0); }

/* Ends the zygote when a step of its set-up failed; the host reads why. */
INLINE void must(long result) {
    if (result >= 0) return;
    zygote_page()->failure = (int32_t)-result;
    dp_store(&zygote_page()->ready, 1);
    futex_wake(&zygote_page()->ready);
    quit();
}

INLINE long map(uint64_t begin, uint64_t size, int32_t fd, uint64_t offset) {
    return call6(__NR_mmap, (long)begin, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (long)offset);
}

INLINE void map_everything(void) {
    const dp_spawn *spawn = &params()->spawn;
    if (map(DP_ZYGOTE, DP_PAGE, spawn->zygote_fd, 0) < 0) quit();
    zygote_page()->step = DP_STEP_MAP_CONTROL;
    must(CALL(__NR_madvise, DP_ZYGOTE, DP_PAGE, MADV_DONTFORK, 0));
    must(map(DP_CHILD, DP_CHILD_SIZE, spawn->slot_fd, 0));
    must(map(DP_STACK_HIGH - spawn->stack_size, spawn->stack_size, spawn->slot_fd, DP_CHILD_SIZE));
    zygote_page()->step = DP_STEP_MAP_CONTEXT;
    must(map(spawn->context_begin, spawn->context_end - spawn->context_begin, spawn->slot_fd, spawn->context_offset));
    /* Where functions touch a page here and there, a large one would be zeroed for each. A kernel without them refuses. */
    CALL(__NR_madvise, DP_CHILD, DP_CHILD_SIZE, MADV_NOHUGEPAGE, 0);
    CALL(__NR_madvise, DP_STACK_HIGH - spawn->stack_size, spawn->stack_size, MADV_NOHUGEPAGE, 0);
    CALL(__NR_madvise, spawn->context_begin, spawn->small_end - spawn->context_begin, MADV_NOHUGEPAGE, 0);
    /* The kernel's stack with its arguments, the vdso and its clock pages. */
    zygote_page()->step = DP_STEP_UNMAP;
    must(CALL(__NR_munmap, spawn->context_end, DP_TEXT - spawn->context_end, 0, 0));
    must(CALL(__NR_munmap, DP_STACK_HIGH, DP_USER_END - DP_STACK_HIGH, 0, 0));
}

/* No capability may come back, and none of a list that the kernel keeps for programs to come. A host without
 * CAP_SETPCAP cannot empty the bounding set; no_new_privs makes it mean nothing. */
INLINE void drop_capabilities(void) {
    must(CALL(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0));
    for (int capability = 0;; capability++) {
        long result = CALL(__NR_prctl, PR_CAPBSET_DROP, capability, 0, 0);
        if (result == -EINVAL || result == -EPERM) break;
        must(result);
    }
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    must(CALL(__NR_capset, &head, data, 0, 0));
}

/* Nothing of the host stays: no descriptor but the socket by which a waiting child gets files, no capability, terminal, core
 * file; and no life after the host's thread. The host may read a child's memory, as any process of its user may that no
 * security module keeps from it: that is where a mapped image's pages end. */
INLINE void restrict_rights(void) {
    zygote_page()->step = DP_STEP_CLOSE;
    uint32_t socket = (uint32_t)params()->spawn.socket;
    if (socket > 0) must(CALL(__NR_close_range, 0, socket - 1, 0, 0));
    must(CALL(__NR_close_range, socket + 1, ~0u, 0, 0));
    zygote_page()->step = DP_STEP_RESTRICT;
    must(CALL(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0));
    if (CALL(__NR_getppid, 0, 0, 0, 0) != params()->host) quit();
    CALL(__NR_setsid, 0, 0, 0, 0);
    must(CALL(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0));
    /* One byte: too little for a core file, and what keeps the kernel from starting a program that would take one. */
    struct rlimit none = {1, 1};
    must(CALL(__NR_prlimit64, 0, RLIMIT_CORE, &none, 0));
    drop_capabilities();
    int32_t priority = 0;
    if (params()->spawn.batch) must(CALL(__NR_sched_setscheduler, 0, SCHED_BATCH_POLICY, &priority, 0));
}

INLINE void handle(int signo) {
    /* dp_restore leaves the mask as it is, so a signal whose handler may return is not blocked meanwhile. */
    uint64_t open = signo == SIGSYS ? SA_NODEFER : 0;
    /* The kernel's struct sigaction: handler, flags, restorer, mask. */
    uint64_t action[4] = {zygote_address(dp_signal_entry), SA_SIGINFO | SA_ONSTACK | 0x04000000 /* SA_RESTORER */ | open,
                          zygote_address(dp_restore), 0};
    must(CALL(__NR_rt_sigaction, signo, action, 0, 8));
}

INLINE void prepare_signals(void) {
    zygote_page()->step = DP_STEP_SIGNALS;
    handle(SIGSEGV);
    handle(SIGBUS);
    handle(SIGILL);
    handle(SIGFPE);
    handle(SIGTRAP);
    handle(SIGSYS);
    stack_t stack = {.ss_sp = (void *)(DP_CHILD + DP_CONTROL_SIZE), .ss_flags = 0, .ss_size = DP_SIGNAL_STACK_SIZE};
    must(CALL(__NR_sigaltstack, &stack, 0, 0, 0));
    uint64_t blocked = zygote_signal_mask();
    must(CALL(__NR_rt_sigprocmask, SIG_SETMASK, &blocked, 0, 8));
}

/* What the kernel reads there at a child's death must not be the child's to write. */
INLINE void protect_params(void) {
    zygote_page()->step = DP_STEP_RESTRICT;
    must(CALL(__NR_mprotect, DP_DATA, DP_PRIVATE_STACK - DP_DATA, PROT_READ, 0));
}

INLINE void install_filter(void) {
    zygote_page()->step = DP_STEP_FILTER;
    struct sock_fprog program = {(unsigned short)params()->filter_length, params()->filter};
    must(CALL(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program, 0));
}

/* A message of dp_send: its number, and the files that came with it. */
typedef struct message {
    uint64_t number;
    struct {
        uint64_t length;
        int32_t level, type;
    } head; /* struct cmsghdr */
    int32_t file[DP_FILES];
} message;

INLINE void close_files(const message *message, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) CALL(__NR_close_range, message->file[i], message->file[i], 0, 0);
}

/* Receives the message of that number: how many files it brought. One that a child before this one did not take is let go. */
INLINE long receive(message *message, uint64_t number) {
    for (;;) {
        struct iovec body = {&message->number, sizeof message->number};
        struct msghdr head = {0, 0, &body, 1, &message->head, sizeof message->head + sizeof message->file, 0};
        long result = CALL(__NR_recvmsg, params()->spawn.socket, &head, MSG_DONTWAIT, 0);
        if (result < 0) return result;
        uint64_t bytes = head.msg_controllen > sizeof message->head ? message->head.length - sizeof message->head : 0;
        uint64_t count = bytes / sizeof message->file[0];
        if (message->number == number) return (long)count;
        close_files(message, count);
    }
}

INLINE long perform(const dp_operation *operation, const message *message, uint64_t files) {
    long begin = (long)operation->begin, size = (long)operation->size, how = operation->how;
    if (operation->call == DP_PROTECT) return CALL(__NR_mprotect, begin, size, how, 0);
    if (operation->call == DP_ADVISE) return CALL(__NR_madvise, begin, size, how, 0), 0;
    if (operation->file >= files) return -EBADF;
    long flags = MAP_FIXED | (how & DP_SHARED ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE);
    long result = call6(__NR_mmap, begin, size, how & ~DP_SHARED, flags, message->file[operation->file], (long)operation->offset);
    return result < 0 ? result : 0;
}

INLINE long apply(const dp_operations *list) {
    message message;
    long files = list->message ? receive(&message, list->message) : 0, result = files < 0 ? files : 0;
    for (uint32_t i = 0; result == 0 && i < list->count && i < DP_OPERATIONS; i++)
        result = perform(&list->operation[i], &message, (uint64_t)files);
    if (files > 0) close_files(&message, (uint64_t)files);
    return result;
}

INLINE void child_fails(long result) {
    child_page()->failure = (int32_t)-result;
    dp_store(&child_page()->ready, DP_READY_FAILED);
    futex_wake(&child_page()->ready);
    quit();
}

/* Up to ready nothing untrusted has run on this control page, so its contents are the host's. */
INLINE void child_prepare(dp_child *child) {
    CALL(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (CALL(__NR_getppid, 0, 0, 0, 0) != params()->host) quit();
    long result = CALL(__NR_set_robust_list, params()->robust.head, sizeof params()->robust.head, 0, 0);
    /* One that runs several functions has no memory that is neither in the slot's file nor in a mapped image. */
    if (result == 0 && params()->spawn.held)
        result = CALL(__NR_mprotect, DP_PRIVATE_STACK, DP_DATA_SIZE / 2, PROT_READ, 0);
    if (result == 0) result = apply(&child->prepare);
    if (result < 0) child_fails(result);
    child->thread = (uint32_t)CALL(__NR_gettid, 0, 0, 0, 0);
}

ZYGOTE __attribute__((noreturn)) void zygote_child(void) {
    dp_child *child = child_page();
    child_prepare(child);
    dp_store(&child->ready, DP_READY_YES);
    futex_wake(&child->ready);
    while (dp_load(&child->go) == 0) futex_wait(&child->go, 0);
    zygote_enter();
}

ZYGOTE __attribute__((noreturn)) void zygote_enter(void) {
    dp_child *child = child_page();
    long result = apply(&child->change);
    /* The socket goes: a function has no descriptor. */
    if (result == 0) result = CALL(__NR_close_range, 0, ~0u, 0, 0);
    /* From here on only the gate reaches the kernel: the sites above are closed although the filter allows them. */
    uint64_t gate = zygote_address(dp_gate), size = (uint64_t)(dp_gate_end - dp_gate) + 1;
    if (result == 0) result = call6(__NR_prctl, SYSCALL_DISPATCH, 1, (long)gate, (long)size, 0, 0);
    if (result < 0) quit();
    dp_enter(child->entry, child->stack, child->argument);
}

ZYGOTE void zygote_main(void) {
    map_everything();
    restrict_rights();
    prepare_signals();
    protect_params();
    install_filter();
    dp_zygote *zygote = zygote_page();
    dp_store(&zygote->ready, 1);
    futex_wake(&zygote->ready);
    for (uint32_t seen = 0;;) {
        while (dp_load(&zygote->command) == seen) futex_wait(&zygote->command, seen);
        seen++;
        long pid = call6(__NR_clone, CLONE_PARENT, 0, 0, 0, 0, 0);
        if (pid == 0) dp_child_start();
        zygote->child = (int32_t)pid;
        if (pid > 0) continue;
        child_page()->failure = (int32_t)-pid;
        dp_store(&child_page()->ready, DP_READY_FAILED);
        futex_wake(&child_page()->ready);
    }
}

/* Sets the thread pointer for functions built for the original's process backend. */
INLINE int set_thread_pointer(const siginfo_t *info, ucontext_t *context) {
    greg_t *registers = context->uc_mcontext.gregs;
    uint64_t address = (uint64_t)registers[REG_RSI];
    if (info->si_syscall != __NR_arch_prctl || info->si_arch != AUDIT_X86_64) return 0;
    if (registers[REG_RDI] != ARCH_SET_FS || address >= DP_USER_END) return 0;
    __asm__ volatile("wrfsbase %0" ::"r"(address));
    registers[REG_RAX] = 0;
    return 1;
}

INLINE int leaves(const siginfo_t *info) {
    return info->si_arch == AUDIT_X86_64 && (info->si_syscall == __NR_exit_group || info->si_syscall == __NR_exit);
}

ZYGOTE void zygote_on_signal(int signo, siginfo_t *info, void *argument) {
    ucontext_t *context = argument;
    if (signo == SIGSYS && set_thread_pointer(info, context)) return;
    greg_t *registers = context->uc_mcontext.gregs;
    dp_fault *fault = &child_page()->fault;
    fault->code = info->si_code;
    fault->trap = (uint32_t)registers[REG_TRAPNO];
    fault->error = (uint32_t)registers[REG_ERR];
    fault->address = (uint64_t)info->si_addr;
    fault->pc = (uint64_t)registers[REG_RIP];
    fault->accumulator = (uint64_t)registers[REG_RAX];
    fault->call = info->si_syscall;
    fault->bytes = 0;
    fault->signal = (uint32_t)signo;
    if (signo == SIGSYS && leaves(info)) fault->signal = 0;
    /* General protection and invalid opcode: the instruction was fetched, so it can be read; should a hostile context
     * make this fault, the process dies with what is recorded so far. */
    if (fault->trap == 13 || fault->trap == 6) {
        const volatile uint8_t *at = (const volatile uint8_t *)fault->pc;
        fault->bytes = (uint32_t)at[0] << 8 | at[1];
        if (fault->trap == 13 && fault->bytes == 0xcd20) fault->signal = 0;
    }
    ((void (*)(void))dp_gate)();
}
