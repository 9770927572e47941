/* System calls are no matter of capabilities: the kernel would take one from inside a function. */
#define _GNU_SOURCE
#include "CCHERI.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int cheri_can_filter(void) {
    uint32_t action = SECCOMP_RET_TRAP;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int cheri_filter_system_calls(uint64_t begin, uint64_t end) {
    /* Filters pile up, and each costs every system call of the thread something. */
    static __thread uint64_t newest;
    if (newest == begin) return 0;
    /* The upper half of the program counter decides; both machines that this compiles for are little-endian. */
    uint32_t high = offsetof(struct seccomp_data, instruction_pointer) + 4;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, high),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)(begin >> 32), 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)(end >> 32), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return errno;
    newest = begin;
    return 0;
}
