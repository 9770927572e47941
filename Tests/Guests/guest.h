/* What the guests of the backend tests share: the tables of guest.h, output, and the way out. One property each. */
#ifndef TEST_GUEST_H
#define TEST_GUEST_H

#include <dandelion/guest.h>
#include <stddef.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

__attribute__((used, visibility("default"))) dn_guest_system64 __dandelion_system_data = {.exit_code = 256};
static const dn_guest_entry *entry;

void guest_main(void);

#ifndef START_OF_ITS_OWN
/* The first argument register holds the entry block and the stack pointer is 16-aligned, as at a process's start. */
#if defined(__aarch64__)
__attribute__((naked, noreturn)) void _start(void) { __asm__("mov x29, xzr\n bl guest_start\n brk #1"); }
#else
__attribute__((naked, noreturn)) void _start(void) { __asm__("xor %ebp, %ebp\n call guest_start\n ud2"); }
#endif
#endif

__attribute__((noreturn)) static inline void leave(int code) {
    __dandelion_system_data.exit_code = code;
    ((void (*)(void))entry->exit_address)();
    __builtin_unreachable();
}

__attribute__((used, noreturn)) void guest_start(const dn_guest_entry *block) {
    entry = block;
    guest_main();
    leave(0);
}

#if defined(__aarch64__)
void *memcpy(void *to, const void *from, size_t n) {
    for (size_t i = 0; i < n; i++) ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t n) {
    for (size_t i = 0; i < n; i++) ((volatile u8 *)to)[i] = (u8)value;
    return to;
}
#else
void *memcpy(void *to, const void *from, size_t n) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    return to;
}

void *memset(void *to, int value, size_t n) {
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
    return to;
}
#endif

/* Notes for the test, in fields of the system data that nobody reads after the run: where a fault is expected. */
#define NOTE_PC(label) (__dandelion_system_data.input_sets = (u64)(label))
#define NOTE_ADDRESS(address) (__dandelion_system_data.input_items = (u64)(address))

#define MAX_ITEMS 64
static dn_guest_item64 output_items[MAX_ITEMS];
static u64 output_count;

/* Adds an item to the first output set. */
__attribute__((unused)) static void output(const char *ident, u64 ident_len, const void *data, u64 len, u32 key) {
    output_items[output_count++] = (dn_guest_item64){(u64)ident, ident_len, (u64)data, len, key};
    __dandelion_system_data.output_items = (u64)output_items;
    dn_guest_set64 *sets = (dn_guest_set64 *)__dandelion_system_data.output_sets;
    for (u64 i = 1; i <= __dandelion_system_data.output_sets_len; i++) sets[i].offset = output_count;
}

#define OUTPUT(name, data, len) output(name, sizeof(name) - 1, data, len, 0)

/* The data of the first input item, as a number: the guest's parameter. */
__attribute__((unused)) static u64 parameter(u64 index) {
    const dn_guest_item64 *items = (const dn_guest_item64 *)__dandelion_system_data.input_items;
    return ((const u64 *)items[0].data)[index];
}

#endif
