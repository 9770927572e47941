/* Memory that the kit lends to a plugin: read-only, with pages without rights around it. */
#define _GNU_SOURCE
#include "internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST = 1 << 14 };

struct loan {
    uintptr_t begin, end; /* of the bytes */
    uintptr_t low, high;  /* of the mapping, pages without rights included */
    atomic_int is_over;
};

static struct loan loans[MOST];
static atomic_uint count;

const void *ck_lend(const void *bytes, uint64_t len) {
    uintptr_t page = ck_page(), room = (len + page - 1) & ~(page - 1);
    if (room == 0) room = page;
    uint8_t *memory = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    uint8_t *lent = memory + page + room - len;
    unsigned slot = atomic_fetch_add(&count, 1);
    if (slot >= MOST || mprotect(memory + page, room, PROT_READ | PROT_WRITE) != 0) {
        munmap(memory, room + 2 * page);
        return NULL;
    }
    if (len) memcpy(lent, bytes, len);
    mprotect(memory + page, room, PROT_READ);
    loans[slot] = (struct loan){.begin = (uintptr_t)lent, .end = (uintptr_t)lent + len, .low = (uintptr_t)memory,
                                .high = (uintptr_t)memory + room + 2 * page};
    return lent;
}

static struct loan *find(uintptr_t address) {
    unsigned last = atomic_load(&count);
    for (unsigned i = last < MOST ? last : MOST; i-- > 0;)
        if (address >= loans[i].low && address < loans[i].high) return &loans[i];
    return NULL;
}

void ck_end_loan(const void *lent) {
    struct loan *loan = find((uintptr_t)lent);
    if (!loan) return;
    atomic_store(&loan->is_over, 1);
    /* The addresses stay taken, so that a later use is known for what it is. */
    mprotect((void *)loan->low, loan->high - loan->low, PROT_NONE);
    madvise((void *)loan->low, loan->high - loan->low, MADV_DONTNEED);
}

int ck_describe_loan(uintptr_t address, int writes, char *text, size_t size) {
    const struct loan *loan = find(address);
    if (!loan) return 0;
    const char *did = writes ? "wrote to" : "read";
    if (atomic_load(&loan->is_over))
        snprintf(text, size, "it %s a request's input when that was over: completed, or refused by submit", did);
    else if (address >= loan->end)
        snprintf(text, size, "it %s byte %lu of a request's input of %lu bytes", did, (unsigned long)(address - loan->begin),
                 (unsigned long)(loan->end - loan->begin));
    else if (address < loan->begin)
        snprintf(text, size, "it %s memory before the begin of a request's input", did);
    else
        snprintf(text, size, "it wrote to byte %lu of a request's input, which may only be read",
                 (unsigned long)(address - loan->begin));
    return 1;
}
