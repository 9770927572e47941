/* A right isolation backend (wrapped.h) whose descriptor and tables have a fault of size, version, text or slot, which the
 * number in DANDELION_ODD chooses. Not one of the kit's gallery: OddTablesTests.swift. */
#define dn_plugin_entry_v1 right_entry
#include "wrapped.h"
#undef dn_plugin_entry_v1
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static uint64_t state;
static uint64_t draw(uint64_t below) {
    state += 0x9e3779b97f4a7c15;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

/* Text of 10,000 bytes that ends where memory does, without a NUL. */
static const char *endless(void) {
    char *pages = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 12288, 4096, PROT_NONE);
    memset(pages, 'x', 12288);
    return pages + 2288;
}
static const char *text(void) {
    static char large[1 << 20];
    switch (draw(7)) {
    case 0: return 0;
    case 1: return (const char *)8;
    case 2: return (const char *)0x8000000000000000;
    case 3: return endless();
    case 4: memset(large, 'a', sizeof large - 1); return large;
    case 5: return "\xff\xfe\xc0\x80 \x01\x1b[31m";
    default: return "";
    }
}
static uint32_t size(uint32_t right) {
    const uint32_t sizes[] = {0, 1, 4, 8, 15, 16, right - 8, right - 1, right + 8, 4096, 1u << 20, 0x7fffffff, ~0u};
    return sizes[draw(sizeof sizes / sizeof *sizes)];
}
/* Copies a table to where memory ends behind `shown` bytes of it. */
static void *at_the_end(const void *table, uint64_t bytes, uint64_t shown) {
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 4096, 4096, PROT_NONE);
    char *begin = pages + 4096 - (shown & ~7ull);
    memcpy(begin, table, bytes < (shown & ~7ull) ? bytes : shown & ~7ull);
    return begin;
}

static dn_status odd_capabilities(dn_instance *instance, dn_compute_caps *out, dn_error *err) {
    dn_status status = base.capabilities(instance, out, err);
    switch (draw(6)) {
    case 0: out->flags = draw(~0ull); break;
    case 1: out->image_formats = text(); break;
    case 2: out->context_max = draw(2) ? 0 : ~0ull; break;
    case 3: out->contexts_per_engine = draw(2) ? 0 : ~0ull; break;
    case 4: out->isolation = (int32_t)draw(~0u); break;
    default: out->interrupt_latency = ~0ull;
    }
    return status;
}
static void replace(void) {
    void **slots = (void **)((char *)&changed + 8);
    uint64_t count = (sizeof changed - 8) / sizeof *slots;
    switch (draw(4)) {
    case 0: slots[draw(count)] = 0; break;
    case 1: changed.struct_size = size(sizeof changed); break;
    case 2: changed.padding = ~0u; break;
    default: changed.capabilities = odd_capabilities;
    }
}
static const void *odd_interface(const char *id) {
    const void *table = get_interface(id);
    switch (draw(8)) {
    case 0: return 0;
    case 1: return (const void *)8;
    case 2: return (const void *)0x8000000000000000;
    case 3: return table ? at_the_end(table, sizeof changed, 4 + draw(sizeof changed)) : 0;
    default: return table;
    }
}

const dn_plugin *dn_plugin_entry_v1(uint32_t minor) {
    const dn_plugin *right = right_entry(minor);
    static dn_plugin odd;
    const char *number = getenv("DANDELION_ODD");
    state = number ? strtoull(number, 0, 10) : 0;
    if (!right) return 0;
    odd = *right;
    const char **texts[] = {&odd.id, &odd.name, &odd.version, &odd.vendor, &odd.license, &odd.description, &odd.config_schema};
    switch (draw(12)) {
    case 0: odd.magic ^= 1ull << draw(64); break;
    case 1: odd.struct_size = size(sizeof odd); break;
    case 2: odd.abi_major = (uint32_t)draw(4); break;
    case 3: odd.abi_minor = draw(2) ? ~0u : (uint32_t)draw(8); break;
    case 4: odd.pointer_bytes = (uint32_t)draw(17); break;
    case 5: odd.flags = draw(~0ull); break;
    case 6: case 7: *texts[draw(7)] = text(); break;
    case 8: {
        void **slots[] = {(void **)&odd.probe, (void **)&odd.start, (void **)&odd.stop, (void **)&odd.get_interface};
        *slots[draw(4)] = 0;
        break;
    }
    case 9: return at_the_end(&odd, sizeof odd, 8 + draw(sizeof odd));
    case 10: return draw(2) ? (const dn_plugin *)8 : (const dn_plugin *)(endless() + 3);
    default: odd.get_interface = odd_interface;
    }
    return &odd;
}
