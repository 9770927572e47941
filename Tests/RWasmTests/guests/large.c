/* A module with 2 MiB of data: gives how many of its words are not what the linker put there, then writes into as many pages as
 * its input's first word says. The pattern differs by SEED, so that two such modules cannot be mistaken. */
#include "guest.h"

#ifndef SEED
#define SEED 1
#endif
#define WORDS (256 * 1024)

#define WORD(i) ((unsigned long long)(i) * 0x9e3779b97f4a7c15ull + SEED)
#define W4(i) WORD(i), WORD(i + 1), WORD(i + 2), WORD(i + 3)
#define W16(i) W4(i), W4(i + 4), W4(i + 8), W4(i + 12)
#define W64(i) W16(i), W16(i + 16), W16(i + 32), W16(i + 48)
#define W256(i) W64(i), W64(i + 64), W64(i + 128), W64(i + 192)
#define W1K(i) W256(i), W256(i + 256), W256(i + 512), W256(i + 768)
#define W4K(i) W1K(i), W1K(i + 1024), W1K(i + 2048), W1K(i + 3072)
#define W16K(i) W4K(i), W4K(i + 4096), W4K(i + 8192), W4K(i + 12288)
#define W64K(i) W16K(i), W16K(i + 16384), W16K(i + 32768), W16K(i + 49152)

static volatile unsigned long long variables[WORDS] = {W64K(0), W64K(65536), W64K(131072), W64K(196608)};

void EXPORT("_start") _start(void) {
    static unsigned differences;
    unsigned pages = *(const unsigned *)input(0, 0)->data;
    for (unsigned i = 0; i < WORDS; i++) differences += variables[i] != WORD(i);
    for (unsigned i = 0; i < WORDS && i / 512 < pages; i += 512) variables[i] = ~0ull;
    output(&differences, sizeof differences);
}
