/* Runs the compiler: starts its process, keeps the end of what it says, and watches its time and memory. */
#define _GNU_SOURCE
#include "confine.h"
#include "filter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A compiler that runs out of memory may lose a thread and wait for it for ever. */
enum { GRACE_MS = 2000, WATCH_MS = 20, CHILD_STACK = 256 << 10, DEEPEST = 8 };

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int gives_up(const char *output) {
    return strstr(output, "panicked at") || strstr(output, "memory allocation of");
}

/* The text of a small file of /proc, NUL-terminated; its length, 0 when there is none. */
static size_t take(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t count = read(fd, text, size - 1);
    close(fd);
    if (count < 0) count = 0;
    text[count] = 0;
    return (size_t)count;
}

/* Resident bytes: all, and those of files, which others may have, too. */
struct use {
    uint64_t all, files;
};

/* Of a process and of those that it started. */
static struct use resident(pid_t process, int depth) {
    char path[64], text[1024];
    unsigned long pages = 0, shared = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    if (take(path, text, sizeof text) == 0 || sscanf(text, "%*u %lu %lu", &pages, &shared) != 2) return (struct use){0};
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct use bytes = {pages * page, shared * page};
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    /* A linker is started by whatever thread the compiler likes. */
    int folder = depth < DEEPEST ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder < 0) return bytes;
    DIR *threads = fdopendir(folder);
    if (!threads) {
        close(folder);
        return bytes;
    }
    for (struct dirent *thread; (thread = readdir(threads));) {
        if (thread->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.16s/children", (int)process, thread->d_name);
        take(path, text, sizeof text);
        char *end = text;
        for (long child; (child = strtol(end, &end, 10)) > 0;) {
            struct use more = resident((pid_t)child, depth + 1);
            bytes.all += more.all;
            bytes.files += more.files;
        }
    }
    closedir(threads);
    return bytes;
}

/* Commands of this process. */
static _Atomic uint64_t running;

struct watch {
    const struct rwasm_command *command;
    pid_t child;
    int64_t until;
    char *output;
    size_t size, used;
};

static void keep(struct watch *watch, const char *bytes, size_t count) {
    size_t fresh = count < watch->size - 1 ? count : watch->size - 1;
    size_t kept = watch->used + fresh < watch->size ? watch->used : watch->size - 1 - fresh;
    memmove(watch->output, watch->output + watch->used - kept, kept);
    memcpy(watch->output + kept, bytes + count - fresh, fresh);
    watch->used = kept + fresh;
    watch->output[watch->used] = 0;
    if (gives_up(watch->output) && watch->until - now_ms() > GRACE_MS) watch->until = now_ms() + GRACE_MS;
}

/* Until the streams are closed (0), or why it must end: RWASM_COMMAND_*. */
static int drain(struct watch *watch, int fd) {
    const struct rwasm_command *command = watch->command;
    for (;;) {
        if (now_ms() >= watch->until) return gives_up(watch->output) ? RWASM_COMMAND_MEMORY : RWASM_COMMAND_TIME;
        struct use use = resident(watch->child, 0);
        if (use.all > command->memory) return RWASM_COMMAND_MEMORY;
        uint64_t own = use.all - use.files + use.files / atomic_load(&running);
        if (command->may_hold && !command->may_hold(command->arg, own)) return RWASM_COMMAND_BUSY;
        if (command->is_wanted && !command->is_wanted(command->arg)) return RWASM_COMMAND_UNWANTED;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, WATCH_MS) < 1) continue;
        char buffer[4096];
        ssize_t count = read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return 0;
        keep(watch, buffer, (size_t)count);
    }
}

/* The child shares our memory until it executes, and we wait for that: a copy of our page tables would cost far more than
 * the compiler's start. No handler of ours may run in it. */
static pid_t start(const struct rwasm_command *command, int output) {
    char *stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;
    struct confined child = {.command = command, .output = output, .parent = getpid()};
    int spaces = command->is_confined && command->is_apart
                     ? CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS : 0;
    if (spaces && command->user == 0) {
        spaces |= CLONE_NEWUSER;
        snprintf(child.user_map, sizeof child.user_map, "%u %u 1", geteuid(), geteuid());
        snprintf(child.group_map, sizeof child.group_map, "%u %u 1", getegid(), getegid());
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* The child becomes another user while it shares our memory, and the kernel then takes the flag from both. */
    int dumpable = prctl(PR_GET_DUMPABLE);
    pid_t pid = clone(rwasm_confine, stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD | spaces, &child);
    int error = errno;
    if (dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, CHILD_STACK);
    errno = error;
    return pid;
}

int rwasm_command_run(const struct rwasm_command *command, char *output, size_t size) {
    int ends[2];
    output[0] = 0;
    errno = rwasm_filter_prepare();
    if (errno != 0 || pipe2(ends, O_CLOEXEC) != 0) return RWASM_COMMAND_FAILED;
    pid_t child = start(command, ends[1]);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return RWASM_COMMAND_FAILED;
    }
    struct watch watch = {
        .command = command,
        .child = child,
        .until = now_ms() + (int64_t)command->seconds * 1000 * (command->is_patient ? 20 : 2),
        .output = output,
        .size = size,
    };
    atomic_fetch_add(&running, 1);
    int over = drain(&watch, ends[0]);
    atomic_fetch_sub(&running, 1);
    close(ends[0]);
    if (over != 0) kill(-child, SIGKILL);
    siginfo_t ended;
    while (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {}
    kill(-child, SIGKILL); /* whatever it left behind, while its id is still ours */
    int status = 0;
    struct rusage used = {0};
    while (wait4(child, &status, 0, &used) < 0 && errno == EINTR) {}
    if (over != 0 || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) return over != 0 ? over : status;
    /* Killed by the kernel: by the limit of processor time, or because the machine's memory was over. */
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + 2 >= command->seconds ? RWASM_COMMAND_TIME : RWASM_COMMAND_MEMORY;
}
