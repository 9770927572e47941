/* The system-call filter of a zygote, inherited by its children (seccomp(2)). By hand, because libseccomp cannot match
 * instruction pointers: what is allowed depends on where in the zygote's text the call is made. */
#include "zygote.h"

#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define LOAD(field) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOW(index) (offsetof(struct seccomp_data, args) + 8 * (index))
#define LOAD_AT(offset) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value)
#define IF(test, value, yes, no) (struct sock_filter) BPF_JUMP(BPF_JMP | test | BPF_K, value, yes, no)

/* A program under construction; `full` when it did not fit. */
typedef struct program {
    struct sock_filter *code;
    uint32_t length;
} program;

static void put(program *out, struct sock_filter instruction) {
    if (out->length < FILTER_MAX) out->code[out->length] = instruction;
    out->length++;
}

/* Traps unless the word loaded last equals value. */
static void require(program *out, uint32_t value) {
    put(out, IF(BPF_JEQ, value, 1, 0));
    put(out, RETURN(SECCOMP_RET_TRAP));
}

static void require_argument(program *out, uint32_t index, uint64_t value) {
    put(out, LOAD_AT(LOW(index)));
    require(out, (uint32_t)value);
    put(out, LOAD_AT(LOW(index) + 4));
    require(out, (uint32_t)(value >> 32));
}

/* At the call that returns to `label`: this number, and for futex(2) nothing but a wake of the word of the end. */
static void gate_site(program *out, const char *label, uint32_t number, uint32_t action) {
    put(out, LOAD_AT(offsetof(struct seccomp_data, instruction_pointer)));
    uint32_t skip = out->length;
    put(out, IF(BPF_JEQ, (uint32_t)zygote_address(label), 0, 0));
    put(out, LOAD(nr));
    require(out, number);
    if (number == __NR_futex) {
        require_argument(out, 0, DP_CHILD + offsetof(dp_child, done));
        put(out, LOAD_AT(LOW(1)));
        require(out, FUTEX_WAKE);
    }
    put(out, RETURN(action));
    if (out->length <= FILTER_MAX) out->code[skip].jf = (uint8_t)(out->length - skip - 1);
}

static void allow(program *out, uint32_t number) {
    put(out, IF(BPF_JEQ, number, 0, 1));
    put(out, RETURN(SECCOMP_RET_ALLOW));
}

/* Allows `number` when the low word of its first argument is one of two. */
static void allow_first(program *out, uint32_t number, uint32_t one, uint32_t other) {
    put(out, IF(BPF_JEQ, number, 0, 5));
    put(out, LOAD_AT(LOW(0)));
    put(out, IF(BPF_JEQ, one, 1, 0));
    put(out, IF(BPF_JEQ, other, 0, 1));
    put(out, RETURN(SECCOMP_RET_ALLOW));
    put(out, RETURN(SECCOMP_RET_TRAP));
}

/* Writes the filter; its length, or 0 when it would not fit. */
uint32_t zygote_filter(struct sock_filter *code, int32_t held) {
    program out = {code, 0};
    put(&out, LOAD(arch));
    require(&out, AUDIT_ARCH_X86_64);
    put(&out, LOAD_AT(offsetof(struct seccomp_data, instruction_pointer) + 4));
    require(&out, DP_TEXT_HIGH);
    /* Held, the call stops before it is made: the tracer never lets it happen. */
    gate_site(&out, dp_gate_woken, __NR_futex, held ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW);
    gate_site(&out, dp_gate_parked, __NR_pause, SECCOMP_RET_ALLOW);
    /* The zygote's own text, closed to a function by syscall user dispatch before it starts. */
    put(&out, LOAD_AT(offsetof(struct seccomp_data, instruction_pointer)));
    put(&out, IF(BPF_JGE, (uint32_t)(__stop_zygote - __start_zygote), 0, 1));
    put(&out, RETURN(SECCOMP_RET_TRAP));
    put(&out, LOAD(nr));
    allow(&out, __NR_futex);
    allow(&out, __NR_mprotect);
    allow(&out, __NR_madvise);
    allow(&out, __NR_mmap);
    allow(&out, __NR_recvmsg);
    allow(&out, __NR_close_range);
    allow_first(&out, __NR_prctl, 59 /* PR_SET_SYSCALL_USER_DISPATCH */, PR_SET_PDEATHSIG);
    allow(&out, __NR_getppid);
    allow(&out, __NR_gettid);
    allow(&out, __NR_set_robust_list);
    allow_first(&out, __NR_clone, CLONE_PARENT, CLONE_PARENT);
    allow(&out, __NR_exit_group);
    put(&out, RETURN(SECCOMP_RET_TRAP));
    return out.length <= FILTER_MAX ? out.length : 0;
}
