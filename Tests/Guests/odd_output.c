/* Leaves output tables of which every word is chosen from a number: likely addresses and lengths, and wild ones. */
#include "guest.h"

static u64 state;
static u64 draw(u64 below) {
    state += 0x9e3779b97f4a7c15;
    u64 z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

static u8 data[4096];
static dn_guest_item64 items[64];
static dn_guest_set64 sets[16];

static u64 address(void) {
    dn_guest_system64 *system = &__dandelion_system_data;
    const u64 likely[] = {
        (u64)data, (u64)items, (u64)sets, (u64)system, (u64)entry, entry->exit_address, entry->stack_low, entry->stack_high,
        system->heap_begin, system->heap_end, (u64)&state, 0, 1, 4096, 0xffff, 1ull << 32, 1ull << 47, 1ull << 63, ~0ull,
        (u64)data + draw(4096), system->heap_end - draw(64), entry->stack_high - draw(64), (u64)&likely,
    };
    u64 chosen = likely[draw(sizeof likely / sizeof *likely)];
    return draw(4) ? chosen : chosen + draw(33) - 16;
}

static u64 length(void) {
    const u64 likely[] = {0, 1, 7, 8, 128, 4096, 4097, 1 << 20, 1ull << 31, 1ull << 32, 1ull << 63, ~0ull, ~0ull - 7};
    return draw(3) ? draw(256) : likely[draw(sizeof likely / sizeof *likely)];
}

void guest_main(void) {
    dn_guest_system64 *system = &__dandelion_system_data;
    state = parameter(0);
    for (u64 i = 0; i < sizeof data; i++) data[i] = (u8)draw(256);
    for (u64 i = 0; i < 64; i++) items[i] = (dn_guest_item64){address(), length(), address(), length(), (u32)draw(~0u)};
    for (u64 i = 0; i < 16; i++) {
        sets[i].ident = address();
        sets[i].ident_len = length();
        sets[i].offset = draw(8) ? i * draw(4) : length();
    }
    if (draw(4)) system->output_items = (u64)items;
    else system->output_items = address();
    switch (draw(4)) {
    case 0: system->output_sets = address(); break;
    case 1: system->output_sets = (u64)sets; break;
    case 2: system->output_sets = (u64)sets; system->output_sets_len = length(); break;
    default: ((dn_guest_set64 *)system->output_sets)[1].offset = draw(64);
    }
    leave((int)draw(512) - 256);
}
