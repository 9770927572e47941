/* What the builder of a zygote's program and the program itself share. */
#ifndef DANDELION_PROCESS_ZYGOTE_H
#define DANDELION_PROCESS_ZYGOTE_H

#include "include/CProcess.h"

#include <linux/filter.h>

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

/* Where a label of the section lies in a zygote. */
static inline uint64_t zygote_address(const char *label) { return DP_TEXT + (uint64_t)(label - __start_zygote); }

uint32_t zygote_filter(struct sock_filter *out);

#endif
