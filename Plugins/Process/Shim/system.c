/* System calls that Swift cannot make, and what is best said once. */
#define _GNU_SOURCE
#include "include/CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int32_t dp_futex_wait(uint32_t *word, uint32_t expected, uint64_t deadline) {
    struct timespec until = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, deadline ? &until : NULL, NULL, ~0u);
    return result < 0 ? -errno : 0;
}

void dp_futex_wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0); }

void dp_kill(int32_t pid) {
    if (pid > 0) kill(pid, SIGKILL);
}

int32_t dp_reap(int32_t pid, int32_t block) {
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        int result = waitid(P_PID, (id_t)pid, &info, WEXITED | __WALL | (block ? 0 : WNOHANG));
        if (result == 0) return info.si_pid == 0;
        if (errno != EINTR) return 0;
    }
}

void *dp_map(int32_t fd, uint64_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int32_t dp_next_data(int32_t fd, uint64_t from, uint64_t limit, uint64_t *begin, uint64_t *end) {
    if (from >= limit) return 0;
    off_t data = lseek(fd, (off_t)from, SEEK_DATA);
    if (data < 0 || (uint64_t)data >= limit) return 0;
    off_t hole = lseek(fd, data, SEEK_HOLE);
    *begin = (uint64_t)data;
    *end = hole < 0 || (uint64_t)hole > limit ? limit : (uint64_t)hole;
    return 1;
}

int32_t dp_punch(int32_t fd, uint64_t offset, uint64_t size) {
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) == 0 ? 0 : -errno;
}

int32_t dp_has_fsgsbase(void) { return (getauxval(AT_HWCAP2) & 2) != 0; }
