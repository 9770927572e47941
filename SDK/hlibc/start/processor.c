/* The time that the function used the processor for, by the counter that every program can read. */
#include "processor.h"
#include "../core/vfs.h"

static uint64_t begin, hz;

static uint64_t counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    uint64_t count;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#endif
}

void hl_processor_start(const dn_guest_entry *entry) {
    if (entry->struct_size < offsetof(dn_guest_entry, counter_hz) + sizeof entry->counter_hz) return;
    hz = entry->counter_hz;
    begin = hz > 0 ? counter() : 0;
}

bool hl_processor_counts(void) { return hz > 0; }

/* Without a counter whose speed is known the function's own time stands for it. */
uint64_t hl_processor_time(void) {
    if (hz == 0) return hl_counted();
    uint64_t passed = counter() - begin;
    return passed / hz * 1000000000 + passed % hz * 1000000000 / hz;
}
