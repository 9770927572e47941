/* What Swift cannot express of capabilities: entering and leaving a function, signals, the filter of system calls, and
 * asking the processor what it is. */
#ifndef CCHERI_H
#define CCHERI_H

#include <dk_stop.h>
#include <stdint.h>

#include "cheri_layout.h"

#pragma clang assume_nonnull begin

/* ---- What trampoline.S reads and writes; only numbers cross ---- */

/* Addresses but `base` count from there. */
struct cheri_call {
    uint64_t base;       /* where the function's address 0 lies */
    uint64_t data_bytes; /* representable */
    uint64_t code_bytes; /* representable */
    uint64_t entry;
    uint64_t stack; /* its first stack pointer */
    uint64_t argument;
    uint64_t slot; /* where the sealed return pair goes: 16 bytes of private memory, 16-byte aligned */
};

/* What the host gets back. Private memory, because it holds capabilities. */
struct cheri_frame {
    uint64_t saved[CHERI_FRAME_INSIDE / 8];
    volatile uint64_t inside; /* the function runs, or is about to */
} __attribute__((aligned(16)));

#define CHERI_LEFT ((int64_t)0)
#define CHERI_REFUSED ((int64_t)-1)
/* What the signal handler lets cheri_enter return. */
#define CHERI_FAULTED ((int64_t)1)
#define CHERI_STOPPED ((int64_t)2)

/* ---- How a run ended ---- */

/* A signal that the function caused. */
struct cheri_fault {
    int32_t signal;
    int32_t code;      /* si_code */
    uint64_t address;  /* si_addr */
    uint64_t pc;
    uint64_t syndrome; /* ESR_EL1 of a memory fault, 0 = not told */
    int64_t call;      /* number of a system call */
};

/* ---- One thread's runs (run.c). Everything is the thread's own ---- */

struct cheri_runner;

/* Null with errno when there is no memory or no timer. kick is the host's kick signal. */
struct cheri_runner *_Nullable cheri_runner_create(int kick);
void cheri_runner_destroy(struct cheri_runner *runner);
/* Makes [begin, end) executable code of what was written there. */
void cheri_runner_sync(uint64_t begin, uint64_t end);
/* Runs a call: CHERI_LEFT, CHERI_REFUSED, CHERI_FAULTED with *fault, or CHERI_STOPPED with *reason (DN_INTERRUPT_*). */
int64_t cheri_runner_run(
    struct cheri_runner *runner, const struct cheri_call *call, uint64_t run_id, uint64_t deadline, uint64_t now,
    struct cheri_fault *fault, int32_t *reason);
/* What stops its runs. */
struct dk_stop *cheri_runner_stop(struct cheri_runner *runner);
/* A dn_signal_handler; its arg is the runner. */
int32_t cheri_runner_signal(void *_Nullable runner, int32_t signo, void *info, void *context);

/* ---- System calls (filter.c) ---- */

/* 1 when the kernel can do what the next function asks for, without doing it. */
int cheri_can_filter(void);
/* From now on SIGSYS meets the calling thread when it makes a system call from [begin, end), both multiples of 4 GiB.
 * 0, or an error number. It cannot be undone. */
int cheri_filter_system_calls(uint64_t begin, uint64_t end);

/* ---- The processor (probe.c) ---- */

#define CHERI_OTHER_MACHINE 0 /* not AArch64 */
#define CHERI_NO_INSTRUCTIONS 1 /* they are illegal here */
#define CHERI_WEAK 2            /* they work, but DDC or PCC lack what a host needs */
#define CHERI_USABLE 3
#define CHERI_NO_CHILD 4 /* the child that asks could not be made */

/* Executes capability instructions in a child that shares this process's memory. */
int cheri_probe(void);
/* The bit of AT_HWCAP2 that Morello kernels set, 0 when there is none: 31 from Linux 5.18 on, 19 before. Other kernels
 * give both bits another meaning. */
int cheri_hwcap_bit(void);

#pragma clang assume_nonnull end

#endif
