/* What the builder of a zygote's program and the program itself share. */
#ifndef DANDELION_PROCESS_ZYGOTE_H
#define DANDELION_PROCESS_ZYGOTE_H

#include "include/CProcess.h"

#include <linux/filter.h>
#include <signal.h>

#define FILTER_MAX 96

/* At DP_DATA, put there by the builder, in pages that are made read-only; the rest of the segment is the stack. */
typedef struct zygote_params {
    dp_spawn spawn;
    int32_t host;
    uint32_t filter_length;
    /* What the kernel does when a child dies (set_robust_list(2)): a list of one, whose word is dp_child.done. */
    struct {
        uint64_t head[3]; /* struct robust_list_head */
        uint64_t entry[1];
    } robust;
    struct sock_filter filter[FILTER_MAX];
} zygote_params;

/* The linker's names for the ends of section "zygote". */
extern const char __start_zygote[] __attribute__((visibility("hidden")));
extern const char __stop_zygote[] __attribute__((visibility("hidden")));

/* Labels in gate.S. */
extern const char dp_zygote_start[] __attribute__((visibility("hidden")));
extern const char dp_gate[] __attribute__((visibility("hidden")));
extern const char dp_gate_woken[] __attribute__((visibility("hidden")));
extern const char dp_gate_parked[] __attribute__((visibility("hidden")));
extern const char dp_gate_end[] __attribute__((visibility("hidden")));
extern const char dp_restore[] __attribute__((visibility("hidden")));
extern const char dp_signal_entry[] __attribute__((visibility("hidden")));

/* What a child begins with, what it does when it knows what it runs, and how it enters that (zygote.c, gate.S). */
__attribute__((noreturn, visibility("hidden"))) void dp_child_start(void);
__attribute__((noreturn, visibility("hidden"))) void zygote_enter(void);
__attribute__((noreturn, visibility("hidden"))) void dp_enter(uint64_t entry, uint64_t stack, uint64_t argument);

/* The mask of a child: all signals but those that its own instructions raise. */
#define SIGNAL_BIT(signo) (1ull << ((signo) - 1))
static inline __attribute__((always_inline)) uint64_t zygote_signal_mask(void) {
    return ~(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGTRAP) |
             SIGNAL_BIT(SIGSYS));
}

/* Where a label of the section lies in a zygote. */
static inline uint64_t zygote_address(const char *label) { return DP_TEXT + (uint64_t)(label - __start_zygote); }

uint32_t zygote_filter(struct sock_filter *out, int32_t held);

#endif
