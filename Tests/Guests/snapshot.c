/* Builds a table in its variables and in its heap, then lets every invocation begin there; each says what it found, and spoils it.
 * BEHAVIOUR makes the preparation go wrong. */
#include "guest.h"

#ifndef BEHAVIOUR
#define BEHAVIOUR 0
#endif
#define WORDS 65536
#define WORD(i) ((u64)(i) * 0x9e3779b97f4a7c15ull + SEED)
#ifndef SEED
#define SEED 1
#endif

__attribute__((used, visibility("default"), aligned(8))) dn_guest_snapshot __dandelion_snapshot;

static u64 table[WORDS], *heap, prepared, invocations, preparation;

static void prepare(void) {
    heap = (u64 *)((__dandelion_system_data.heap_begin + 4095) & ~4095ull);
    for (u64 i = 0; i < WORDS; i++) table[i] = heap[i] = WORD(i);
    prepared++;
    preparation = entry->random[0];
    if (BEHAVIOUR == 1) __asm__ volatile("ud2");
    while (BEHAVIOUR == 2) __asm__ volatile("");
    if (BEHAVIOUR == 3) leave(9);
    for (volatile u64 *at = heap; BEHAVIOUR == 6; at += 512) *at = 1;
    __dandelion_snapshot.data_begin = BEHAVIOUR == 4 ? ~0ull : (u64)(heap + WORDS);
    if (BEHAVIOUR != 5) __dandelion_snapshot.state = DN_SNAPSHOT_TAKEN;
    leave(0);
}

void guest_main(void) {
    static u64 found[7];
    if (__dandelion_snapshot.state == DN_SNAPSHOT_WANTED) prepare();
    invocations++;
    found[0] = prepared;
    found[1] = invocations;
    for (u64 i = 0; heap && i < WORDS; i++) found[2] += table[i] != WORD(i);
    for (u64 i = 0; heap && i < WORDS; i++) found[3] += heap[i] != WORD(i);
    found[4] = entry->random[0];
    found[5] = parameter(0);
    found[6] = preparation;
    for (u64 i = 0; heap && i < WORDS; i += 700) table[i] = heap[i] = ~0ull;
    for (u64 *at = (u64 *)__dandelion_system_data.heap_begin; (u64)(at + 1) <= __dandelion_system_data.heap_end; at += 512) *at = ~0ull;
    OUTPUT("found", found, sizeof found);
}
