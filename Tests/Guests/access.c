/* Reads, writes or jumps at an address: parameters are what and where. Small numbers name places of its own. */
#include "guest.h"

#if defined(__aarch64__)
#define READ "ldrb %w0, [%1]"
#define WRITE "strb %w0, [%1]"
#define CALL "blr %0"
#define RETURN 0xc0, 0x03, 0x5f, 0xd6
#else
#define READ "movb (%1), %0"
#define WRITE "movb %0, (%1)"
#define CALL "call *%0"
#define RETURN 0xc3
#endif

static u8 data[16] = {RETURN};
extern const char at_read[], at_write[];

__attribute__((noinline)) static void own_code(void) { __asm__ volatile(""); }

void guest_main(void) {
    u64 what = parameter(0), where = parameter(1);
    if (where == 1) where = (u64)data;
    if (where == 2) where = (u64)own_code;
    if (where == 3) where = (u64)__dandelion_system_data.heap_end + 4096;
    if (where == 4) where = entry->stack_low - 8;
    if (where == 5) where = entry->exit_address;
    if (where == 6) where = (u64)"constant";
    NOTE_ADDRESS(where);
    u8 value = 1;
    if (what == 0) {
        NOTE_PC(at_read);
        __asm__ volatile("at_read: " READ : "=r"(value) : "r"(where));
    } else if (what == 1) {
        NOTE_PC(at_write);
        __asm__ volatile("at_write: " WRITE ::"r"(value), "r"(where) : "memory");
    } else {
        NOTE_PC(where);
        __asm__ volatile(CALL ::"r"(where) : "memory");
    }
}
