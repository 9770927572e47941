/* The compiler's process: it may read its tools and input, write to one folder, and open no socket. */
#define _GNU_SOURCE
#include "CRWasm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Of the second Landlock ABI; its last right, to rename between folders, is missing in older headers. */
#define ALL_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 2) - 1)

static void allow(int ruleset, const char *path, uint64_t rights) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return; /* what is not there need not be allowed */
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        rule.allowed_access &= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0); /* it is a file */
    }
    close(fd);
}

/* A kernel without the second Landlock ABI (Linux 5.19) confines the compiler by the other limits only. */
static void confine_files(const struct rwasm_command *command) {
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2) return;
    struct landlock_ruleset_attr attr = {.handled_access_fs = ALL_RIGHTS};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) return;
    for (const char *const *path = command->readable; *path; path++) allow(ruleset, *path, READ_RIGHTS);
    allow(ruleset, command->directory, ALL_RIGHTS);
    allow(ruleset, "/dev/null", READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE);
    syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
}

static void confine_calls(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void limit(int resource, uint64_t value) {
    struct rlimit limit = {value, value};
    setrlimit(resource, &limit);
}

/* In the child, which shares memory with us until it executes: system calls only. */
static void become(const struct rwasm_command *command, int output) {
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, 0);
    dup2(output, 1);
    dup2(output, 2);
    limit(RLIMIT_AS, command->memory);
    limit(RLIMIT_CPU, command->seconds);
    limit(RLIMIT_FSIZE, 1ull << 30);
    limit(RLIMIT_CORE, 0);
    if (chdir(command->directory) != 0) _exit(126);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    confine_files(command);
    confine_calls();
    execve(command->arguments[0], (char *const *)command->arguments, (char *const *)command->environment);
    _exit(127);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A compiler that runs out of memory may lose a thread and wait for it for ever. */
enum { GRACE_MS = 2000 };

static int gives_up(const char *output) {
    return strstr(output, "panicked at") || strstr(output, "memory allocation of");
}

/* Keeps the end of what is written. 0 when it was closed, -1 when the time was over. */
static int drain(int fd, int64_t until, char *output, size_t size) {
    size_t used = 0;
    output[0] = 0;
    for (;;) {
        int64_t left = until - now_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (left <= 0) return -1;
        if (poll(&wait, 1, left > 1000 ? 1000 : (int)left) < 1) continue;
        char buffer[4096];
        ssize_t count = read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return 0;
        size_t fresh = (size_t)count < size - 1 ? (size_t)count : size - 1;
        size_t kept = used + fresh < size ? used : size - 1 - fresh;
        memmove(output, output + used - kept, kept);
        memcpy(output + kept, buffer + (size_t)count - fresh, fresh);
        used = kept + fresh;
        output[used] = 0;
        if (gives_up(output) && until - now_ms() > GRACE_MS) until = now_ms() + GRACE_MS;
    }
}

int rwasm_command_run(const struct rwasm_command *command, char *output, size_t size) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    /* vfork: a copy of our page tables would cost far more than the compiler's start. */
    pid_t child = vfork();
    if (child == 0) become(command, ends[1]);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return -1;
    }
    int over = drain(ends[0], now_ms() + (int64_t)command->seconds * 1000, output, size);
    close(ends[0]);
    if (over != 0) kill(-child, SIGKILL);
    siginfo_t ended;
    while (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {}
    kill(-child, SIGKILL); /* whatever it left behind, while its id is still ours */
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return over != 0 && !gives_up(output) ? -2 : status;
}
