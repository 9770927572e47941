/* What an image does first and last. */
#include "runtime.h"

__attribute__((used, visibility("default"), aligned(16))) struct system_data __dandelion_system_data;

static const dn_guest_entry *entry;
static uint64_t random_state[4];

__attribute__((used, noreturn)) void dandelion_start(const dn_guest_entry *block) {
    entry = block;
    for (int i = 0; i < 4; i++) random_state[i] = block->random[i];
    dandelion_exit(main());
}

__attribute__((noreturn)) void dandelion_exit(int code) {
    dandelion_write_outputs();
    __dandelion_system_data.exit_code = code;
    dandelion_leave(entry->exit_address);
}

const dn_guest_entry *dandelion_entry_block(void) { return entry; }

void dandelion_flush(void) {}

uint64_t dandelion_realtime_ns(void) { return entry->realtime_ns; }

static uint64_t rotated(uint64_t word, int bits) { return word << bits | word >> (64 - bits); }

/* xoshiro256**, Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2018). */
uint64_t dandelion_random(void) {
    uint64_t *s = random_state;
    uint64_t result = rotated(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotated(s[3], 45);
    return result;
}
