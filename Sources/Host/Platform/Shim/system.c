#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

int cp_futex_wait(const uint32_t *word, uint32_t expected, int64_t timeout_ns) {
    struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    long r = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns < 0 ? NULL : &limit, NULL, 0);
    return r == 0 ? 0 : errno;
}

void cp_futex_wake(const uint32_t *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

int cp_memory_file(const uint8_t *bytes, long count) {
    int file = memfd_create("dandelion-input", MFD_CLOEXEC);
    if (file < 0) return -errno;
    for (long done = 0; done < count;) {
        ssize_t written = pwrite(file, bytes + done, (size_t)(count - done), done);
        if (written < 0 && errno == EINTR) continue;
        if (written > 0) {
            done += written;
            continue;
        }
        int error = written < 0 ? errno : EIO;
        close(file);
        return -error;
    }
    return file;
}

void cp_return_large_blocks(int bytes) { mallopt(M_MMAP_THRESHOLD, bytes); }

void cp_trim_heaps(void) { malloc_trim(0); }

size_t cp_block_size(void *block) { return malloc_usable_size(block); }

int cp_affinity(int32_t *cpus, int capacity) {
    /* A mask larger than cpu_set_t would be refused with EINVAL; 1024 CPUs are enough for the machines meant. */
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    int count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set)) continue;
        if (count < capacity) cpus[count] = cpu;
        count++;
    }
    return count;
}

int cp_pin(int32_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

int32_t cp_gettid(void) { return (int32_t)syscall(SYS_gettid); }

void cp_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

const void *cp_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count) {
    return memmem(bytes, count, wanted, wanted_count);
}

int cp_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int cp_unsent(int fd) {
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? bytes : 0;
}

int cp_signal_fd(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int cp_next_signal(int fd) {
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int cp_refuse_connections(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter) return ENOMEM;
    struct scmp_arg_cmp addressed = {.arg = 4, .op = SCMP_CMP_NE, .datum_a = 0, .datum_b = 0};
    int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (r == 0) r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENETUNREACH), SCMP_SYS(connect), 0);
    if (r == 0) r = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENETUNREACH), SCMP_SYS(sendto), 1, &addressed);
    /* Without giving up privileges for it where that is allowed. */
    if (r == 0) r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
    if (r == 0 && (r = seccomp_load(filter)) != 0) {
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
        r = seccomp_load(filter);
    }
    seccomp_release(filter);
    return -r;
}
