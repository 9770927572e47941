/* The floor of a process backend, on one CPU: what a fresh process for every invocation costs without a platform.
 *
 *     process_floor [CPU [INVOCATIONS [PAUSE_US]]]
 *
 * A zygote without libc, whose only memory is its own code, one stack page and the shared context, clones a process
 * that waits ready. An invocation copies 100 KiB of code and 4 KiB of data into the context, lets the process run,
 * and copies 4 KiB back: that is the `ready` time. The `cycle` adds what follows the answer: kill and reap the process,
 * zero the context, and clone the next one until it waits. All processes are under a seccomp filter, inherited from
 * the zygote, that allows system calls from the zygote's code alone. With a pause before each invocation the caches are
 * as cold as those of a node that gets one request in that time.
 */
#define _GNU_SOURCE
#include "../load/statistics.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define CODE_SIZE (100ul << 10)
#define DATA_SIZE PAGE
#define ADDRESS_END 0x7ffffffff000ul

/* Shared between manager, zygote and its children, at one address in all of them. */
struct control {
    uint32_t clone_requests, child, go, done; /* futex words */
    int32_t child_pid;
};

#define REGION 0x10000000ul
#define CONTROL ((volatile struct control *)REGION)
#define STACK (REGION + PAGE)
#define INPUT (REGION + 2 * PAGE)
#define OUTPUT (INPUT + DATA_SIZE)
#define CODE (OUTPUT + DATA_SIZE)
#define REGION_END (CODE + CODE_SIZE)

#define ZYGOTE __attribute__((section("zygote"), used, noinline, optimize("no-tree-loop-distribute-patterns")))

extern char __start_zygote[], __stop_zygote[];

__attribute__((always_inline)) static inline long system_call(long number, long a, long b, long c, long d) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = 0;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

__attribute__((always_inline)) static inline void wake(volatile uint32_t *word) {
    __atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
    system_call(SYS_futex, (long)word, FUTEX_WAKE, 1, 0);
}

__attribute__((always_inline)) static inline void wait_beyond(volatile uint32_t *word, uint32_t old) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == old) system_call(SYS_futex, (long)word, FUTEX_WAIT, old, 0);
}

/* One process: ready, run once, then parked until it is killed. */
ZYGOTE static void run_child(void) {
    uint32_t go = CONTROL->go;
    /* The pages that the guest will touch are mapped while nobody waits. */
    *(volatile char *)INPUT = *(volatile char *)OUTPUT = *(volatile const char *)CODE;
    wake(&CONTROL->child);
    wait_beyond(&CONTROL->go, go);
    ((void (*)(const void *, void *))CODE)((const void *)INPUT, (void *)OUTPUT);
    wake(&CONTROL->done);
    for (;;) wait_beyond(&CONTROL->go, CONTROL->go);
}

ZYGOTE static void run_zygote(void) {
    unsigned long first = (unsigned long)__start_zygote & ~(PAGE - 1);
    unsigned long last = ((unsigned long)__stop_zygote + PAGE - 1) & ~(PAGE - 1);
    system_call(SYS_munmap, 0, (long)first, 0, 0);
    system_call(SYS_munmap, (long)last, (long)(REGION - last), 0, 0);
    system_call(SYS_munmap, (long)REGION_END, (long)(ADDRESS_END - REGION_END), 0, 0);
    for (uint32_t served = 0;; served++) {
        wait_beyond(&CONTROL->clone_requests, served);
        long pid = system_call(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0);
        if (pid == 0) run_child();
        CONTROL->child_pid = (int32_t)pid;
    }
}

/* The guest's code: copies its 4 KiB of input to its output. */
__asm__(".pushsection .rodata\n"
        "guest_begin:\n"
        "    movl $512, %ecx\n"
        "    xchgq %rsi, %rdi\n"
        "    rep movsq\n"
        "    ret\n"
        "guest_end:\n"
        ".popsection\n");
extern const char guest_begin[], guest_end[];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void install_filter(void) {
    uint32_t first = (uint32_t)(unsigned long)__start_zygote, last = (uint32_t)(unsigned long)__stop_zygote;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 1),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("no_new_privs");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) fail("seccomp");
}

/* The kernel writes to the C library's rseq area on every preemption; without its memory that would be fatal. */
static void leave_libc(void) {
    char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
    if (__rseq_size > 0 && syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) != 0) fail("rseq");
    syscall(SYS_set_robust_list, NULL, 24);
}

static pid_t start_zygote(void) {
    if (mmap((void *)REGION, REGION_END - REGION, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
        fail("mmap");
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mmap((void *)STACK, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        fail("stack");
    if (mprotect((void *)CODE, CODE_SIZE, PROT_READ | PROT_EXEC) != 0) fail("mprotect");
    leave_libc();
    install_filter();
    __asm__ volatile("movq %0, %%rsp\n xorl %%ebp, %%ebp\n callq *%1" : : "r"(STACK + PAGE), "r"(run_zygote) : "memory");
    __builtin_unreachable();
}

/* Asks for a process and waits until it is ready. */
static void refill(void) {
    uint32_t child = CONTROL->child;
    wake(&CONTROL->clone_requests);
    wait_beyond(&CONTROL->child, child);
}

static void kill_and_reap(pid_t pid) {
    int status;
    kill(pid, SIGKILL);
    if (waitpid(pid, &status, __WALL) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) fail("waitpid");
}

/* The zygote may still be about to tell the process's id. */
static void end_child(void) {
    while (CONTROL->child_pid == 0) sched_yield();
    pid_t pid = CONTROL->child_pid;
    CONTROL->child_pid = 0;
    kill_and_reap(pid);
}

int main(int count, char **arguments) {
    size_t invocations = count > 2 ? strtoul(arguments[2], NULL, 10) : 5000, warmup = 200;
    useconds_t pause = count > 3 ? (useconds_t)strtoul(arguments[3], NULL, 10) : 0;
    if (count > 1) pin_to(atoi(arguments[1]));
    static char code[CODE_SIZE], input[DATA_SIZE], output[DATA_SIZE];
    memcpy(code, guest_begin, (size_t)(guest_end - guest_begin));
    uint64_t *ready = calloc(invocations, sizeof *ready), *cycle = calloc(invocations, sizeof *cycle);
    if (!ready || !cycle || invocations == 0) return 2;
    pid_t zygote = start_zygote();
    refill();
    for (size_t i = 0; i < invocations + warmup; i++) {
        memset(input, (int)(i % 255) + 1, sizeof input);
        if (pause) usleep(pause);
        uint64_t began = now_ns();
        memcpy((void *)CODE, code, sizeof code);
        memcpy((void *)INPUT, input, sizeof input);
        uint32_t done = CONTROL->done;
        wake(&CONTROL->go);
        wait_beyond(&CONTROL->done, done);
        memcpy(output, (const void *)OUTPUT, sizeof output);
        uint64_t answered = now_ns();
        end_child();
        memset((void *)INPUT, 0, REGION_END - INPUT);
        refill();
        uint64_t ended = now_ns();
        if (memcmp(input, output, sizeof output) != 0) return fprintf(stderr, "process_floor: wrong output\n"), 1;
        if (i < warmup) continue;
        ready[i - warmup] = answered - began;
        cycle[i - warmup] = ended - began;
    }
    printf("invocations=%zu ", invocations);
    print_times("ready_", ready, invocations);
    printf(" ");
    print_times("cycle_", cycle, invocations);
    printf("\n");
    end_child();
    kill_and_reap(zygote);
    return 0;
}
