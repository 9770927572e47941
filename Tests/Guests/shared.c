/* Makes, reads, changes and hands on large items; the first number says what. With DEED and ARG defined those say it, and
 * the first item is the data. */
#include "guest.h"

enum { MAKE, SUM, SPOIL, WATCH, HAND_ON, CHANGE, SCAN, FAULT, LOOP };
#define PAGE 4096ull
#define STEP (PAGE / 8)

static u64 found[8];

/* A page of something else on both sides of the item, and in the rest of its first and last page. */
__attribute__((unused)) static void make(u64 bytes, u64 seed, u64 shift) {
    u64 begin = (__dandelion_system_data.heap_begin + (16 << 20)) & ~((2ull << 20) - 1);
    u64 end = (begin + shift + bytes + 2 * PAGE) & ~(PAGE - 1);
    memset((void *)(begin - PAGE), 0xee, end - begin + PAGE);
    u64 *data = (u64 *)(begin + shift);
    for (u64 i = 0; i < bytes / 8; i++) data[i] = seed + i;
    OUTPUT("item", data, bytes);
}

static u64 sum(const dn_guest_item64 *item) {
    const volatile u64 *data = (const volatile u64 *)item->data;
    u64 total = 0;
    for (u64 i = 0; i < item->data_len / 8; i += STEP) total += data[i];
    return total;
}

/* Words of what make() put beside the item, in its own first and last page. */
static u64 beside(const dn_guest_item64 *item) {
    u64 begin = item->data & ~(PAGE - 1), end = (item->data + item->data_len + PAGE - 1) & ~(PAGE - 1), count = 0;
    for (u64 at = begin; at < item->data; at += 8) count += *(volatile u64 *)at == 0xeeeeeeeeeeeeeeee;
    for (u64 at = (item->data + item->data_len + 7) & ~7ull; at < end; at += 8)
        count += *(volatile u64 *)at == 0xeeeeeeeeeeeeeeee;
    return count;
}

static void hand_on(const dn_guest_item64 *item, u64 times) {
    dn_guest_item64 *table = (dn_guest_item64 *)((__dandelion_system_data.heap_begin + 63) & ~63ull);
    for (u64 i = 0; i < times; i++) table[i] = *item;
    __dandelion_system_data.output_items = (u64)table;
    ((dn_guest_set64 *)__dandelion_system_data.output_sets)[1].offset = times;
}

static u64 all_memory(void) {
    u64 begin = (__dandelion_system_data.heap_begin + 7) & ~7ull, count = 0;
    for (u64 at = begin; at + 8 <= __dandelion_system_data.heap_end; at += 8) count += *(volatile u64 *)at != 0;
    return count;
}

#ifdef DEED
#define ORDER(index) ((index) == 0 ? (u64)DEED : (u64)ARG)
#define FIRST 0
#else
#define ORDER(index) parameter(index)
#define FIRST 1
#endif

void guest_main(void) {
    const dn_guest_item64 *items = (const dn_guest_item64 *)__dandelion_system_data.input_items;
    const dn_guest_item64 *data = items + FIRST;
    u64 count = ((dn_guest_set64 *)__dandelion_system_data.input_sets)[__dandelion_system_data.input_sets_len].offset;
    switch (ORDER(0)) {
#ifndef DEED
    case MAKE: return make(parameter(1), parameter(2), parameter(3));
#endif
    case SUM:
        for (u64 i = FIRST; i < count; i++) {
            found[0] += sum(items + i);
            found[1] += items[i].data_len;
            found[2] += beside(items + i);
            found[3] += items[i].data % 128;
        }
        break;
    case SPOIL:
        for (u64 i = 0; i < data->data_len / 8; i += 3) ((volatile u64 *)data->data)[i] = ~0ull;
        found[0] = ((volatile u64 *)data->data)[0];
        break;
    case WATCH: {
        u64 first = sum(data);
        for (u64 i = 0; i < ORDER(1); i++) found[1] += sum(data) != first;
        found[0] = first;
        break;
    }
    case HAND_ON: return hand_on(data, ORDER(1));
    case CHANGE:
        for (u64 i = 0; i < data->data_len / 8; i += ORDER(1)) ((volatile u64 *)data->data)[i] += 1;
        return hand_on(data, 1);
    case SCAN: found[0] = all_memory(); break;
    case FAULT:
        sum(data);
        *(volatile u64 *)64 = 1;
        break;
    case LOOP:
        for (;;) sum(data);
    }
    OUTPUT("found", found, sizeof found);
}
