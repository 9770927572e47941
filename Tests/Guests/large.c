/* An image of 3 MiB: says how many words of it are not what the linker put there, then writes into every page that it may,
 * or into as many as parameter 0 says. The pattern differs by SEED, so that two such images cannot be mistaken. */
#include "guest.h"

#ifndef SEED
#define SEED 1
#endif
#define WORDS (192 * 1024)

#define WORD(i) ((u64)(i) * 0x9e3779b97f4a7c15ull + SEED)
#define W4(i) WORD(i), WORD(i + 1), WORD(i + 2), WORD(i + 3)
#define W16(i) W4(i), W4(i + 4), W4(i + 8), W4(i + 12)
#define W64(i) W16(i), W16(i + 16), W16(i + 32), W16(i + 48)
#define W256(i) W64(i), W64(i + 64), W64(i + 128), W64(i + 192)
#define W1K(i) W256(i), W256(i + 256), W256(i + 512), W256(i + 768)
#define W4K(i) W1K(i), W1K(i + 1024), W1K(i + 2048), W1K(i + 3072)
#define W16K(i) W4K(i), W4K(i + 4096), W4K(i + 8192), W4K(i + 12288)
#define W64K(i) W16K(i), W16K(i + 16384), W16K(i + 32768), W16K(i + 49152)

static const u64 constants[WORDS] = {W64K(0), W64K(65536), W64K(131072)};
static u64 variables[WORDS] = {W64K(0), W64K(65536), W64K(131072)};
static u64 zeros[4096];

void guest_main(void) {
    static u64 found[2];
    for (u64 i = 0; i < WORDS; i++) found[0] += ((volatile const u64 *)constants)[i] != WORD(i);
    for (u64 i = 0; i < WORDS; i++) found[0] += ((volatile u64 *)variables)[i] != WORD(i);
    for (u64 i = 0; i < 4096; i++) found[1] += ((volatile u64 *)zeros)[i] != 0;
    u64 pages = parameter(0);
    for (u64 i = 0; i < WORDS && i / 512 < pages; i += 512) ((volatile u64 *)variables)[i] = ~0ull;
    for (u64 i = 0; i < 4096; i += 512) ((volatile u64 *)zeros)[i] = ~0ull;
    OUTPUT("found", found, sizeof found);
}
