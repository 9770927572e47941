/* Children that the kernel holds (ptrace(2)). The gate's call is one at which the filter says "stop for the tracer", so the
 * end of a function is a state of the kernel's: no instruction of it is under way, none will run until the tracer says so,
 * and all that the processor keeps for it lies with the kernel, where the tracer sets it anew. */
#define _GNU_SOURCE
#include "zygote.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

/* Linux 6.4; older headers lack it. */
#define SET_SYSCALL_DISPATCH 0x4210
struct dispatch {
    uint64_t mode, selector, offset, length;
};

#define SELECTOR_CODE 0x33
#define SELECTOR_STACK 0x2b
#define FLAGS 0x202

/* Of the XSAVE area (AMD64 Architecture Programmer's Manual volume 2, 11.5). */
#define X87_CONTROL 0
#define MXCSR 24
#define XSTATE_BV 512
#define ENABLED 464 /* what the kernel enabled, told in the part that hardware leaves to software */
#define FEATURES_X87_SSE 3ull
#define FEATURE_PKRU (1ull << 9)

/* What a process begins with, as the kernel takes it. */
struct dp_blank {
    uint64_t size; /* 0: not known yet */
    uint8_t state[16384];
};

int32_t dp_trace(int32_t pid) {
    return ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP) == 0 ? 0 : -errno;
}

dp_stopper *dp_stopper_create(int32_t signo) {
    dp_stopper *stopper = calloc(1, sizeof *stopper);
    struct dp_blank *blank = calloc(1, sizeof *blank);
    if (stopper && blank && dk_stop_open(&stopper->stop, signo) == 0) {
        stopper->blank = blank;
        return stopper;
    }
    free(blank);
    free(stopper);
    return NULL;
}

void dp_stopper_destroy(dp_stopper *stopper) {
    dk_stop_close(&stopper->stop);
    free(stopper->blank);
    free(stopper);
}

/* Runs on the tracer's thread. A child that is not running yet stops when it is let go, so the request is never lost; a
 * pid that is not this thread's tracee is refused by the kernel. */
int32_t dp_stopper_signal(void *argument, int32_t signo, void *info, void *context) {
    (void)signo, (void)context;
    dp_stopper *stopper = argument;
    int32_t reason = dk_stop_signal(&stopper->stop, info);
    int32_t error = errno, child = stopper->child;
    if (reason >= 0 && child > 0) ptrace(PTRACE_INTERRUPT, child, NULL, NULL);
    errno = error;
    return reason != DK_NOT_MINE;
}

int32_t dp_trace_wait(dp_stopper *stopper) {
    int32_t child = stopper->child;
    for (;;) {
        siginfo_t info = {.si_code = 0};
        /* What is told stays to be told: a dead child's pid is nobody else's before it is reaped elsewhere. */
        if (waitid(P_PID, (id_t)child, &info, WEXITED | WSTOPPED | __WALL | WNOWAIT) != 0) {
            if (errno == EINTR) continue;
            return DP_END_DIED;
        }
        if (info.si_code != CLD_TRAPPED) return DP_END_DIED;
        int event = info.si_status >> 8, sent = event == 0 ? info.si_status : 0;
        if (event == PTRACE_EVENT_SECCOMP) return DP_END_LEFT;
        if (event != 0 && stopper->stop.reason != DK_GO_ON) return DP_END_STOPPED;
        if (sent != 0) stopper->signals++;
        /* It can only fail when the child was killed, and then the next wait says so. */
        if (ptrace(PTRACE_CONT, child, NULL, (void *)(long)sent) != 0) dp_kill(child);
    }
}

static uint32_t protection_keys(void) {
    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (ecx & 1 << 4) == 0) return 0;
    __asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(eax), "=d"(edx) : "c"(0)); /* rdpkru: this process never changed it */
    return eax;
}

static void put(struct dp_blank *blank, uint64_t at, const void *bytes, size_t size) { memcpy(blank->state + at, bytes, size); }

/* Learns the size of the state and makes the new one. */
static int32_t learn(int32_t pid, struct dp_blank *blank) {
    struct iovec state = {blank->state, sizeof blank->state};
    if (ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &state) != 0) return -errno;
    uint64_t enabled, features = FEATURES_X87_SSE;
    if (state.iov_len < XSTATE_BV + 64) return -EINVAL;
    memcpy(&enabled, blank->state + ENABLED, sizeof enabled);
    memset(blank->state, 0, sizeof blank->state);
    put(blank, X87_CONTROL, &(uint16_t){0x37f}, 2);
    put(blank, MXCSR, &(uint32_t){0x1f80}, 4);
    if (enabled & FEATURE_PKRU) {
        uint32_t eax, offset, ecx, edx, keys = protection_keys();
        if (!__get_cpuid_count(13, 9, &eax, &offset, &ecx, &edx) || offset + 4 > state.iov_len) return -EINVAL;
        put(blank, offset, &keys, sizeof keys);
        features |= FEATURE_PKRU;
    }
    /* Every part that is not named here is set to what it is at a process's start. */
    put(blank, XSTATE_BV, &features, sizeof features);
    blank->size = state.iov_len;
    return 0;
}

int32_t dp_trace_blank(int32_t pid, dp_stopper *stopper) {
    struct dp_blank *blank = stopper->blank;
    int32_t error = blank->size == 0 ? learn(pid, blank) : 0;
    if (error != 0) return error;
    struct iovec state = {blank->state, blank->size};
    if (ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &state) != 0) return -errno;
    /* Only a handler, which left by the gate, can have changed the mask. */
    uint64_t mask = zygote_signal_mask();
    if (stopper->signals != 0 && ptrace(PTRACE_SETSIGMASK, pid, sizeof mask, &mask) != 0) return -errno;
    return 0;
}

/* The call at which it is held is not made: its number is none. */
static int32_t go(int32_t pid, struct user_regs_struct *registers) {
    registers->orig_rax = ~0ull;
    registers->cs = SELECTOR_CODE;
    registers->ss = SELECTOR_STACK;
    registers->eflags = FLAGS;
    struct iovec all = {registers, sizeof *registers};
    if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all) != 0) return -errno;
    return ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 ? 0 : -errno;
}

int32_t dp_trace_enter(int32_t pid, uint64_t entry, uint64_t stack, uint64_t argument) {
    struct user_regs_struct registers = {
        .rip = zygote_address((const char *)dp_enter), .rsp = stack, .rdi = entry, .rsi = stack, .rdx = argument};
    return go(pid, &registers);
}

int32_t dp_trace_change(int32_t pid) {
    struct dispatch off = {0};
    if (ptrace(SET_SYSCALL_DISPATCH, pid, sizeof off, &off) != 0) return -errno;
    /* As behind a call: the stack is 16-aligned less the address to return to. */
    struct user_regs_struct registers = {
        .rip = zygote_address((const char *)zygote_enter), .rsp = DP_CHILD + DP_CHILD_SIZE - 8};
    return go(pid, &registers);
}

int32_t dp_put_pages(int32_t pid, const dp_pages *pages, int32_t count, uint64_t base, const void *from) {
    struct iovec local[DP_PAGES], remote[DP_PAGES];
    ssize_t size = 0;
    for (int i = 0; i < count && i < DP_PAGES; i++) {
        size_t length = pages[i].end - pages[i].begin;
        remote[i] = (struct iovec){(void *)(uintptr_t)pages[i].begin, length};
        local[i] = (struct iovec){(char *)from + (pages[i].begin - base), length};
        size += (ssize_t)length;
    }
    if (count == 0) return 0;
    ssize_t copied = process_vm_writev(pid, local, (unsigned long)count, remote, (unsigned long)count, 0);
    return copied == size ? 0 : copied < 0 ? -errno : -EFAULT;
}
