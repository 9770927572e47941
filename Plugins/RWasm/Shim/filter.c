/* The system calls of a compiler and its linker: files, memory, threads, processes of their own. No socket, no namespace,
 * no other process's memory. A pair of sockets is a pipe between a compiler and the linker that it starts. What is not listed does not exist for them (ENOSYS). */
#define _GNU_SOURCE
#include "filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const allowed[] = {
    /* files */
    "access", "faccessat", "faccessat2", "open", "openat", "close", "close_range", "read", "readv", "pread64", "preadv",
    "write", "writev", "pwrite64", "pwritev", "lseek", "stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs",
    "getdents", "getdents64", "readlink", "readlinkat", "getcwd", "chdir", "fchdir", "mkdir", "mkdirat", "rmdir", "unlink",
    "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat",
    "umask", "utimensat", "futimesat", "ftruncate", "truncate", "fallocate", "fadvise64", "fsync", "fdatasync", "flock",
    "fcntl", "dup", "dup2", "dup3", "pipe", "pipe2", "copy_file_range", "sendfile", "poll", "ppoll", "select", "pselect6",
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "inotify_init1",
    /* memory */
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "msync", "membarrier", "memfd_create",
    /* threads and processes */
    "clone", "vfork", "fork", "execve", "exit", "exit_group", "wait4", "waitid", "set_tid_address", "set_robust_list",
    "get_robust_list", "rseq", "futex", "arch_prctl", "gettid", "getpid", "getppid", "getpgrp", "getpgid", "setpgid",
    "getsid", "setsid", "tgkill", "tkill", "kill", "sched_yield", "sched_getaffinity", "sched_setaffinity",
    "sched_getparam", "sched_getscheduler", "getpriority", "setpriority", "prlimit64", "getrlimit", "setrlimit", "getrusage",
    "times", "getcpu", "restart_syscall", "pidfd_open", "pidfd_send_signal", "sendmsg", "recvmsg",
    "sendto", "recvfrom",
    /* signals */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigpending", "rt_sigtimedwait", "sigaltstack",
    "pause", "alarm",
    /* time, identity, randomness */
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getuid", "geteuid", "getgid",
    "getegid", "getresuid", "getresgid", "getgroups", "capget", "uname", "sysinfo", "getrandom",
};

static struct sock_filter code[1024];
static struct sock_fprog program = {.len = 0, .filter = code};
static int failure;

/* Namespaces are not for them; clone's other flags are, and clone3, whose flags cannot be read, is answered by ENOSYS. */
static int allow_clone(scmp_filter_ctx filter) {
    const uint64_t spaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                            CLONE_NEWCGROUP;
    const struct scmp_arg_cmp none = {.arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = spaces, .datum_b = 0};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &none);
}

/* Of the kind that sends to nobody else. */
static int allow_pairs(scmp_filter_ctx filter) {
    const struct scmp_arg_cmp local[] = {
        {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_UNIX, .datum_b = 0},
        {.arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = 0xf, .datum_b = SOCK_SEQPACKET},
    };
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2, local);
}

/* Allows `call` with each of these values as argument `which`. */
static int allow_values(scmp_filter_ctx filter, int call, unsigned which, const unsigned long *values, unsigned count) {
    int r = 0;
    for (unsigned i = 0; r == 0 && i < count; i++) {
        const struct scmp_arg_cmp value = {.arg = which, .op = SCMP_CMP_EQ, .datum_a = values[i], .datum_b = 0};
        r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &value);
    }
    return r;
}

/* What concerns a process itself, and its pipes. */
static int allow_some(scmp_filter_ctx filter) {
    static const unsigned long options[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_DUMPABLE, PR_SET_PDEATHSIG};
    static const unsigned long requests[] = {FIONBIO, FIOCLEX, FIONCLEX, FIONREAD, TCGETS, TIOCGWINSZ};
    int r = allow_clone(filter);
    if (r == 0) r = allow_pairs(filter);
    if (r == 0) r = allow_values(filter, SCMP_SYS(prctl), 0, options, sizeof options / sizeof *options);
    return r == 0 ? allow_values(filter, SCMP_SYS(ioctl), 1, requests, sizeof requests / sizeof *requests) : r;
}

static int fill(scmp_filter_ctx filter) {
    int r = 0;
    for (unsigned i = 0; r == 0 && i < sizeof allowed / sizeof *allowed; i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        /* clone has a rule of its own; a library that is older than a call cannot name it. */
        if (number == __NR_SCMP_ERROR || number == SCMP_SYS(clone)) continue;
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    return r == 0 ? allow_some(filter) : r;
}

static int export(scmp_filter_ctx filter) {
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0) return errno;
    int r = -seccomp_export_bpf(filter, fd);
    ssize_t size = r == 0 ? pread(fd, code, sizeof code, 0) : 0;
    if (r == 0 && (size <= 0 || size == (ssize_t)sizeof code)) r = E2BIG;
    if (r == 0) program.len = (unsigned short)((size_t)size / sizeof *code);
    close(fd);
    return r;
}

static void make(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    failure = filter ? -fill(filter) : ENOMEM;
    if (failure == 0) failure = export(filter);
    if (filter) seccomp_release(filter);
}

int rwasm_filter_prepare(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
    return failure;
}

int rwasm_filter_apply(void) { return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program); }
