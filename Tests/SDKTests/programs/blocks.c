/* malloc: blocks of all sizes that keep what was written, memory that runs out in small pieces and
 * comes back whole, and with an argument a block that is freed twice, which ends the program. */
#include "check.h"
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>

#define BLOCKS 512

static uint32_t state = 1;
static uint32_t next(void) { return state = state * 1664525 + 1013904223; }

static bool filled(const unsigned char *block, size_t size, unsigned char value) {
    for (size_t i = 0; i < size; i++)
        if (block[i] != value) return false;
    return true;
}

static void keep_what_is_written(void) {
    static struct {
        unsigned char *bytes, value;
        size_t size;
    } blocks[BLOCKS];
    for (int step = 0; step < 100000; step++) {
        int i = next() >> 8 & (BLOCKS - 1);
        size_t size = next() >> 8 & (next() & 0x700 ? 1023 : 65535);
        CHECK(filled(blocks[i].bytes, blocks[i].size, blocks[i].value));
        unsigned way = next() >> 30;
        if (way == 0) {
            free(blocks[i].bytes);
            blocks[i].bytes = calloc(1, size + 1);
            CHECK(blocks[i].bytes && filled(blocks[i].bytes, size, 0));
        } else if (way == 1) {
            free(blocks[i].bytes);
            blocks[i].bytes = aligned_alloc(256, (size + 256) & -256ul);
            CHECK(blocks[i].bytes && (uintptr_t)blocks[i].bytes % 256 == 0);
        } else {
            size_t kept = size < blocks[i].size ? size : blocks[i].size;
            blocks[i].bytes = realloc(blocks[i].bytes, size + 1);
            CHECK(blocks[i].bytes && filled(blocks[i].bytes, kept, blocks[i].value));
        }
        CHECK(malloc_usable_size(blocks[i].bytes) >= size && (uintptr_t)blocks[i].bytes % 16 == 0);
        blocks[i].size = size;
        blocks[i].value = next() >> 24;
        memset(blocks[i].bytes, blocks[i].value, size);
    }
    for (int i = 0; i < BLOCKS; i++) free(blocks[i].bytes);
}

/* All of it in pieces of one size, freed, and then as pieces of another, as many as before less a tenth. */
static size_t take_all(size_t size) {
    size_t count = 0;
    void **last = NULL, **block;
    while ((block = malloc(size))) {
        *block = last;
        last = block;
        count++;
    }
    CHECK(errno == ENOMEM);
    while (last) {
        void **before = *last;
        free(last);
        last = before;
    }
    return count * size;
}

static void run_out_and_come_back(void) {
    size_t first = take_all(1000), second = take_all(200), third = take_all(50000), again = take_all(1000);
    CHECK(first > 1 << 20 && second > first / 2 && third > first / 10 * 8 && again > first / 10 * 9);
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        void *block = malloc(40);
        free(block);
        free(block);
        puts("not noticed");
        return 0;
    }
    keep_what_is_written();
    run_out_and_come_back();
    puts("all good");
    return 0;
}
