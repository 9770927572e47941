/* Random bytes: ChaCha20 (RFC 8439, section 2.3) keyed by the 256 bits that the platform gives each invocation. */
#include "calls.h"
#include "../start/entry.h"

#define ROUNDS 20

static uint32_t block[16];
static size_t left; /* bytes of the block not given out */
static uint64_t counter;

static uint32_t rotated(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static void quarter_round(uint32_t *s, int a, int b, int c, int d) {
    s[a] += s[b], s[d] = rotated(s[d] ^ s[a], 16);
    s[c] += s[d], s[b] = rotated(s[b] ^ s[c], 12);
    s[a] += s[b], s[d] = rotated(s[d] ^ s[a], 8);
    s[c] += s[d], s[b] = rotated(s[b] ^ s[c], 7);
}

static void next_block(void) {
    uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(state + 4, hl_entry_block->random, 32);
    state[12] = (uint32_t)counter;
    state[13] = (uint32_t)(counter++ >> 32);
    memcpy(block, state, sizeof block);
    for (int round = 0; round < ROUNDS; round += 2) {
        for (int i = 0; i < 4; i++) quarter_round(block, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; i++) quarter_round(block, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (int i = 0; i < 16; i++) block[i] += state[i];
    left = sizeof block;
}

long hl_getrandom(long buffer, long count) {
    unsigned char *to = (unsigned char *)buffer;
    for (size_t rest = (size_t)count; rest > 0;) {
        if (left == 0) next_block();
        size_t part = rest < left ? rest : left;
        memcpy(to, (unsigned char *)block + sizeof block - left, part);
        left -= part;
        to += part;
        rest -= part;
    }
    return count;
}
