/* System calls that Swift cannot make, and what is best said once. */
#define _GNU_SOURCE
#include "include/CProcess.h"
#include <CPluginKit.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
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

static int32_t reap(int32_t pid, int options, siginfo_t *info) {
    for (;;) {
        info->si_pid = 0;
        if (waitid(P_PID, (id_t)pid, info, WEXITED | __WALL | options) == 0) return info->si_pid == 0;
        if (errno != EINTR) return 0;
    }
}

int32_t dp_reap(int32_t pid, int32_t block) {
    siginfo_t info;
    return reap(pid, block ? 0 : WNOHANG, &info);
}

int32_t dp_reap_telling(int32_t pid, int32_t *how) {
    siginfo_t info = {.si_code = 0};
    int32_t lives = reap(pid, WNOHANG, &info);
    *how = info.si_pid == 0 ? 0 : info.si_code == CLD_EXITED ? -1 - info.si_status : info.si_status;
    return lives;
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

int32_t dp_socket_pair(int32_t *host, int32_t *child) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    *host = ends[0];
    *child = ends[1];
    return 0;
}

int32_t dp_send(int32_t socket, uint64_t number, const int32_t *files, uint32_t count) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(DP_FILES * sizeof(int32_t))] = {0};
    if (count == 0 || count > DP_FILES) return -EINVAL;
    struct iovec body = {&number, sizeof number};
    struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = CMSG_SPACE(count * sizeof *files)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof *files), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), files, count * sizeof *files);
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int32_t dp_list_pages(int32_t pagemap, uint64_t *at, uint64_t end, int32_t own, dp_pages *out) {
    struct dk_region found[DP_PAGES];
    struct dk_scan scan = {.size = sizeof scan, .start = *at, .end = end, .vec = (uintptr_t)found, .vec_len = DP_PAGES,
                             .category_anyof_mask = dk_page_present | dk_page_swapped, .category_mask = own ? dk_page_file : 0,
                             .category_inverted = own ? dk_page_file : 0, .return_mask = dk_page_file};
    int count = ioctl(pagemap, dk_pagemap_scan, &scan);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++)
        out[i] = (dp_pages){found[i].start, found[i].end, (found[i].categories & dk_page_file) == 0, 0};
    *at = scan.walk_end;
    return count;
}

int32_t dp_copy_pages(int32_t pid, const dp_pages *pages, int32_t count, uint64_t base, void *to) {
    struct iovec local[DP_PAGES], remote[DP_PAGES];
    int pieces = 0;
    ssize_t size = 0;
    for (int i = 0; i < count && i < DP_PAGES; i++) {
        if (!pages[i].own) continue;
        size_t length = pages[i].end - pages[i].begin;
        remote[pieces] = (struct iovec){(void *)(uintptr_t)pages[i].begin, length};
        local[pieces++] = (struct iovec){(char *)to + (pages[i].begin - base), length};
        size += (ssize_t)length;
    }
    if (pieces == 0) return 0;
    ssize_t copied = process_vm_readv(pid, local, (unsigned long)pieces, remote, (unsigned long)pieces, 0);
    return copied == size ? 0 : copied < 0 ? -errno : -EFAULT;
}

int32_t dp_has_fsgsbase(void) { return (getauxval(AT_HWCAP2) & 2) != 0; }
