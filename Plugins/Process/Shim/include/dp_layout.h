/* Addresses and pages that the host, the zygote and its children agree on. Constants are also read by assembly.
 *
 * Guest addresses of a child, low to high:
 *   DP_CONTEXT_BEGIN ..   the context, shared with the host but for the pages of a mapped image, which are the child's own;
 *                         bytes behind the memory limit fault with SIGBUS
 *   DP_TEXT               the zygote's code, read and execute
 *   DP_DATA               its parameters, read-only, and DP_PRIVATE_STACK: its stack, private to each process
 *   DP_ZYGOTE             the zygote's page, which no child has
 *   DP_CHILD              the child's control pages and its signal stack, shared with the host
 *   .. DP_STACK_HIGH      the function's stack, shared with the host; nothing is mapped below it
 * The slot's memory file holds, in this order: control pages, signal stack, guest stack, context. */
#ifndef DANDELION_PROCESS_LAYOUT_H
#define DANDELION_PROCESS_LAYOUT_H

#define DP_PAGE 4096
#define DP_CONTEXT_BEGIN 0x10000
#define DP_TEXT 0x7e0000000000
#define DP_TEXT_HIGH 0x7e00 /* the upper half of every address in the text */
#define DP_DATA 0x7e0000100000
#define DP_DATA_SIZE 0x4000
#define DP_PRIVATE_STACK (DP_DATA + DP_DATA_SIZE / 2)
#define DP_ZYGOTE 0x7e0000200000
#define DP_CHILD 0x7e0000300000
#define DP_SIGNAL_STACK_SIZE 0x10000
#define DP_CONTROL_SIZE 0x8000
#define DP_CHILD_SIZE (DP_CONTROL_SIZE + DP_SIGNAL_STACK_SIZE)
#define DP_STACK_HIGH 0x7e0010000000
#define DP_STACK_MAX 0x8000000
#define DP_USER_END 0x7ffffffff000 /* of x86-64 with 47-bit addresses */

#ifndef __ASSEMBLER__
#include <stdint.h>

/* What a child does to whole pages of its memory for the host. */
#define DP_MAP 0     /* mmap(2) over what is there: how is PROT_*, with DP_SHARED or privately */
#define DP_PROTECT 1 /* mprotect(2): how is PROT_* */
#define DP_ADVISE 2  /* madvise(2): how is MADV_*; may fail */
#define DP_SHARED 0x100
typedef struct dp_operation {
    uint64_t begin, size;
    uint64_t offset; /* DP_MAP: where the pages begin in the file */
    uint32_t call;   /* DP_MAP, DP_PROTECT, DP_ADVISE */
    uint16_t how;
    uint16_t file; /* DP_MAP: which of the message's files */
} dp_operation;

#define DP_OPERATIONS 400
#define DP_FILES 32 /* most files of a message */
typedef struct dp_operations {
    uint64_t message; /* the number of the message whose files are to be received first, 0 = none */
    uint32_t count;
    uint32_t padding;
    dp_operation operation[DP_OPERATIONS];
} dp_operations;

/* Values of dp_child.ready. */
#define DP_READY_NO 0
#define DP_READY_YES 1
#define DP_READY_FAILED 2

/* Values of dp_child.done. While running it is the child's thread id with DP_WAITERS, so that the kernel marks it with
 * DP_DIED and wakes the host when the child dies (robust futex, set_robust_list(2)). The gate writes 0. */
#define DP_INTERRUPTED 1u
#define DP_WAITERS 0x80000000u
#define DP_DIED 0x40000000u

/* What a signal handler of a child saw. Written by a process that ran untrusted code: any value may stand here. */
typedef struct dp_fault {
    uint32_t signal; /* 0: the function left as functions do */
    int32_t code;    /* si_code */
    uint32_t trap;   /* the CPU's exception number */
    uint32_t error;  /* and its error code */
    uint64_t address;
    uint64_t pc;
    uint64_t accumulator; /* rax: the number of a system call */
    uint32_t bytes;       /* the two instruction bytes at pc where they are needed to tell, else 0 */
    int32_t call;         /* si_syscall of SIGSYS */
} dp_fault;

/* The control pages of a child. Once the child runs untrusted code the host trusts nothing that is read from it. */
typedef struct dp_child {
    uint32_t ready; /* futex: DP_READY_*, set by child or zygote */
    uint32_t go;    /* futex: 1 starts the function */
    uint32_t done;  /* futex: how the host learns of the end, also of the child's death (robust futex) */
    uint32_t thread; /* the child's thread id */
    int32_t failure; /* errno of the step that failed before ready */
    uint32_t padding;
    uint64_t entry;
    uint64_t stack;
    uint64_t argument;
    dp_fault fault;
    dp_operations prepare; /* done before ready */
    dp_operations change;  /* and after go */
} dp_child;

/* The zygote's page. No process that ran untrusted code ever has it mapped. */
typedef struct dp_zygote {
    uint32_t command; /* futex: the host adds 1 for each child it wants */
    uint32_t ready;   /* futex: 1 when children can be asked for */
    uint32_t step;    /* DP_STEP_* that was begun last */
    int32_t failure;  /* its errno, 0 = none */
    int32_t child;    /* pid of the newest child, or -errno */
} dp_zygote;

/* MADV_POPULATE_*, Linux 5.14 */
#define DP_POPULATE_READ 22
#define DP_POPULATE_WRITE 23

#define DP_STEP_NONE 0
#define DP_STEP_MAP_CONTROL 1
#define DP_STEP_MAP_CONTEXT 2
#define DP_STEP_UNMAP 3
#define DP_STEP_CLOSE 4
#define DP_STEP_RESTRICT 5
#define DP_STEP_SIGNALS 6
#define DP_STEP_FILTER 7
#endif
#endif
