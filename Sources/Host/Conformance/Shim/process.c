/* The child that judges, and what it leaves behind. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct ck_sheet *ck_current;
static __thread const char *under_way __attribute__((tls_model("initial-exec")));

uintptr_t ck_page(void) {
    static uintptr_t bytes;
    if (bytes == 0) bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    return bytes;
}

struct ck_sheet *ck_sheet_make(void) {
    void *memory = mmap(NULL, sizeof(struct ck_sheet), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

char *ck_sheet_text(struct ck_sheet *sheet) { return sheet->text; }
char *ck_sheet_notes(struct ck_sheet *sheet) { return sheet->notes; }

void ck_sheet_free(struct ck_sheet *sheet) { munmap(sheet, sizeof *sheet); }

pid_t ck_fork(bool quiet) {
    pid_t parent = getpid(), child = fork();
    if (child != 0) {
        /* Also here, so that a group is there to be killed whoever comes first. */
        if (child > 0) setpgid(child, child);
        return child;
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, 0);
    if (quiet) dup2(nothing, 2);
    dup2(2, 1);
    if (nothing > 2) close(nothing);
    return 0;
}

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};

static void describe(int signo, siginfo_t *info, void *context) {
    int writes = 0;
#if defined(__x86_64__)
    writes = (((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
    (void)context;
#endif
    struct ck_sheet *sheet = ck_current;
    if (sheet && sheet->access[0] == 0) {
        if (under_way) strncpy(sheet->call, under_way, sizeof sheet->call - 1);
        uintptr_t address = (uintptr_t)info->si_addr;
        if ((signo == SIGSEGV || signo == SIGBUS) && info->si_code > 0 &&
            !ck_describe_loan(address, writes, sheet->access, sizeof sheet->access))
            ck_describe_block(address, writes, sheet->access, sizeof sheet->access);
    }
    /* The instruction repeats, or the queued signal is delivered, on return: the process ends as without us. */
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    sigaction(signo, &fallback, NULL);
    if (info->si_code <= 0) raise(signo);
}

void ck_attend(struct ck_sheet *sheet) {
    ck_current = sheet;
    /* A call that overruns its stack is described too. */
    static char stack[64 * 1024];
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&own, NULL);
    struct sigaction action = {.sa_sigaction = describe, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &action, NULL);
}

const char *ck_enter(const char *name) {
    const char *before = under_way;
    under_way = name;
    if (ck_current) strncpy(ck_current->call, name, sizeof ck_current->call - 1);
    return before;
}

void ck_leave(const char *before) {
    under_way = before;
    if (!ck_current) return;
    if (before)
        strncpy(ck_current->call, before, sizeof ck_current->call - 1);
    else
        ck_current->call[0] = 0;
}

uint64_t ck_float_control(void) {
#if defined(__x86_64__)
    uint32_t vector;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0" : "=m"(vector));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (uint64_t)x87 << 32 | (vector & ~0x3fu);
#else
    return (uint64_t)fegetround();
#endif
}

/* Whether memory that is mapped from now on is locked (mlockall(2) with MCL_FUTURE): it is there before it is touched. */
static long locks_future_memory(void) {
    size_t size = ck_page();
    unsigned char there = 0;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    if (mincore(memory, size, &there) != 0) there = 0;
    munmap(memory, size);
    return there & 1;
}

static long timer(int which) {
    struct itimerval now = {{0, 0}, {0, 0}};
    return getitimer(which, &now) == 0 && (now.it_value.tv_sec != 0 || now.it_value.tv_usec != 0);
}

int ck_process_facts(ck_fact *facts) {
    int adopts = 0, count = 0;
    prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0);
    facts[count++] = (ck_fact){"timer of alarm(2)", timer(ITIMER_REAL)};
    facts[count++] = (ck_fact){"timer of setitimer(2) for CPU time", timer(ITIMER_VIRTUAL)};
    facts[count++] = (ck_fact){"timer of setitimer(2) for profiling", timer(ITIMER_PROF)};
    facts[count++] = (ck_fact){"execution domain of personality(2)", personality(0xffffffff)};
    facts[count++] = (ck_fact){"adoption of orphans (PR_SET_CHILD_SUBREAPER)", adopts};
    facts[count++] = (ck_fact){"dumpable flag", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)};
    facts[count++] = (ck_fact){"use of huge pages (PR_SET_THP_DISABLE)", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)};
    facts[count++] = (ck_fact){"locking of memory (mlockall(2))", locks_future_memory()};
    return count;
}

int ck_thread_facts(ck_fact *facts) {
    int death = 0, count = 0;
    prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
    facts[count++] = (ck_fact){"signal at the parent's death (PR_SET_PDEATHSIG)", death};
    facts[count++] = (ck_fact){"timer slack", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)};
    facts[count++] = (ck_fact){"keeping of capabilities (PR_SET_KEEPCAPS)", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0)};
    facts[count++] = (ck_fact){"security bits (PR_SET_SECUREBITS)", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0)};
    facts[count++] = (ck_fact){"priority of input and output", syscall(SYS_ioprio_get, 1, 0)};
    /* KEYCTL_GET_KEYRING_ID of KEY_SPEC_SESSION_KEYRING, which is not made. */
    facts[count++] = (ck_fact){"session keyring", syscall(SYS_keyctl, 0, -3, 0)};
    return count;
}

void ck_adopt(void) { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

bool ck_has_children(bool living) {
    for (;;) {
        siginfo_t ended = {.si_pid = 0};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | __WALL | (living ? 0 : WNOWAIT)) != 0) return errno != ECHILD;
        if (!living || ended.si_pid == 0) return true;
    }
}

int ck_try_exit(int milliseconds) {
    pid_t child = fork();
    if (child == 0) exit(0);
    if (child < 0) return 0;
    int status = 0;
    for (int waited = 0; waited < milliseconds; waited++) {
        if (waitpid(child, &status, WNOHANG) == child) return status;
        usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

long ck_sleeps(void) {
    struct rusage use;
    return getrusage(RUSAGE_THREAD, &use) == 0 ? use.ru_nvcsw : 0;
}

