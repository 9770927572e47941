#include "vfs.h"
#include <string.h>

#define ROUNDS 20

static uint32_t block[16];
static size_t left; /* bytes of the block not given out */
static uint64_t counter;
static uint32_t key[8];

static uint32_t rotated(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static void quarter_round(uint32_t *s, int a, int b, int c, int d) {
    s[a] += s[b], s[d] = rotated(s[d] ^ s[a], 16);
    s[c] += s[d], s[b] = rotated(s[b] ^ s[c], 12);
    s[a] += s[b], s[d] = rotated(s[d] ^ s[a], 8);
    s[c] += s[d], s[b] = rotated(s[b] ^ s[c], 7);
}

static void next_block(void) {
    uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(state + 4, key, sizeof key);
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

void hl_random_start(const uint64_t seed[4]) { memcpy(key, seed, sizeof key); }

void hl_random(void *to, size_t count) {
    for (unsigned char *at = to; count > 0;) {
        if (left == 0) next_block();
        size_t part = count < left ? count : left;
        memcpy(at, (unsigned char *)block + sizeof block - left, part);
        left -= part;
        at += part;
        count -= part;
    }
}
