/* Between the parts of the test machine, and of its protocol with Machine.swift. */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include "CCHERI.h"

/* Physical = virtual; the kernel sees contexts a second time, without a function's rights, at ALIAS. */
#define CONTEXT_BASE 0x50000000ull
#define CONTEXT_MAX (64ull << 20)
#define ALIAS 0x40000000ull
#define PAGE 4096ull

enum { OP_RUN = 1, OP_REPRESENTABLE = 2 };

/* What Machine.swift sends: this, `maps` ranges, `extents` pieces of memory. */
struct request {
    uint64_t op;
    struct cheri_call call; /* base as in CONTEXT_BASE */
    uint64_t rounds;        /* how often the context is entered */
    uint64_t time_ns;       /* until the first timer signal, 0 = none */
    uint64_t maps, extents;
};

struct range { uint64_t begin, end, rights; }; /* rights as p_flags */
struct extent { uint64_t offset, bytes; };      /* followed by the bytes */

/* What it gets back: this, and extents of the context's memory up to one without bytes. */
struct response {
    int64_t status; /* what cheri_enter returned */
    uint64_t damage; /* DAMAGE_*: what of the host was not as before */
    uint64_t rounds; /* that were entered */
    struct cheri_fault fault;
    uint64_t raw_syndrome; /* ESR_EL1 of every fault */
};

#include "machine_bits.h"

/* The host crashed: a fault that was not the function's. */
#define STATUS_CRASHED (-100)

/* Registers that an exception from EL0 leaves: capabilities c0 to c30. */
struct trap_frame { struct { uint64_t value, upper; } c[31]; uint64_t pad[2]; };

void pages_init(void);
void pages_map(const struct range *maps, uint64_t count);

#endif
