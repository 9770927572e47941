/* Page tables: the kernel, what EL0 executes, what it writes, and a context's pages with the rights that it is given. */
#include "machine.h"

enum { TABLES = CONTEXT_MAX >> 21 };

static uint64_t level1[512] __attribute__((aligned(4096)));
static uint64_t level2[512] __attribute__((aligned(4096)));
static uint64_t level3[TABLES][512] __attribute__((aligned(4096)));

#define VALID 1ull
#define TABLE 2ull
#define PAGE_OR_TABLE 3ull
#define DEVICE (1ull << 2) /* index 1 of MAIR */
#define EL0 (1ull << 6)
#define READ_ONLY (1ull << 7)
#define SHARED (3ull << 8)
#define ACCESSED (1ull << 10)
#define PXN (1ull << 53)
#define UXN (1ull << 54)
/* Capabilities may be stored (SC) and loaded (LC = 01). */
#define TAGS (1ull << 60 | 1ull << 61)
#define NORMAL (VALID | SHARED | ACCESSED | TAGS)

void pages_init(void) {
    level1[0] = VALID | DEVICE | ACCESSED | PXN | UXN;
    level1[1] = (uint64_t)level2 | PAGE_OR_TABLE;
    level1[2] = 0x40000000 | NORMAL | PXN | UXN;
    level2[1] = 0x40200000 | NORMAL | UXN;
    level2[2] = 0x40400000 | NORMAL | UXN;
    level2[3] = 0x40600000 | NORMAL | EL0 | READ_ONLY | PXN;
    /* The host's data is executable, as it is nowhere else: here capabilities alone must keep a function out of it. */
    level2[4] = 0x40800000 | NORMAL | EL0 | PXN;
    for (uint64_t i = 0; i < TABLES; i++) level2[(CONTEXT_BASE >> 21 & 511) + i] = (uint64_t)level3[i] | PAGE_OR_TABLE;
    uint64_t tcr = 25 | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 23 /* no TTBR1 */
        | 1ull << 41 | 15ull << 43 /* the tag bits of descriptors count */;
    __asm__ volatile("msr mair_el1, %0\n msr tcr_el1, %1\n msr ttbr0_el1, %2\n isb" ::"r"(0x00ffull), "r"(tcr), "r"(level1));
    uint64_t control;
    __asm__ volatile("mrs %0, sctlr_el1" : "=r"(control));
    /* M, C, I; cache instructions and counters for EL0. */
    control |= 1 | 1 << 2 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 26;
    __asm__ volatile("msr sctlr_el1, %0\n isb" ::"r"(control));
}

static uint64_t rights_of(uint64_t rights) {
    if (rights == 0) return 0;
    uint64_t bits = NORMAL | TABLE | EL0 | PXN;
    if (!(rights & 2)) bits |= READ_ONLY;
    if (!(rights & 1)) bits |= UXN;
    return bits;
}

/* Later ranges replace earlier ones. */
void pages_map(const struct range *maps, uint64_t count) {
    for (uint64_t i = 0; i < TABLES; i++)
        for (uint64_t k = 0; k < 512; k++) level3[i][k] = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bits = rights_of(maps[i].rights);
        for (uint64_t at = maps[i].begin; at < maps[i].end && at < CONTEXT_MAX; at += PAGE)
            level3[at >> 21][at >> 12 & 511] = bits ? (CONTEXT_BASE + at) | bits : 0;
    }
    __asm__ volatile("dsb ish\n tlbi vmalle1\n dsb ish\n ic iallu\n dsb ish\n isb" ::: "memory");
}
