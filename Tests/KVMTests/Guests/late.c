/* Leaves in ways that leave something half done, or goes on as if it had not left. Parameter 0 says how; what would run
 * behind the end, or be completed by the machine, writes to the region, whose address is noted. */
#include "guest.h"

static u8 region[1 << 16] __attribute__((aligned(4096), used));
static const void *target __attribute__((used));

/* Counts in the region for ever. */
#define GO_ON "1: incq region(%%rip)\n incq region+32768(%%rip)\n jmp 1b\n"

void guest_main(void) {
    u64 how = parameter(0);
    target = (const void *)entry->exit_address;
    for (u64 i = 0; i < sizeof region; i++) region[i] = '.';
    OUTPUT("region", region, sizeof region);
    NOTE_ADDRESS(region);
    __dandelion_system_data.exit_code = 0;
    switch (how) {
    case 0: return;
    /* The exit's own port, from code of its own. */
    case 1: __asm__ volatile("out %%al, $0x10\n" GO_ON ::: "memory"); break;
    case 2: __asm__ volatile("in $0x10, %%al\n" GO_ON ::: "memory"); break;
    /* The machine completes it into memory, byte for byte. */
    case 3:
        __asm__ volatile("mov $0x10, %%edx\n mov $65536, %%ecx\n lea region(%%rip), %%rdi\n cld\n rep insb\n" GO_ON ::: "memory");
        break;
    case 4:
        __asm__ volatile("mov $0x10, %%edx\n mov $65536, %%ecx\n lea region(%%rip), %%rsi\n cld\n rep outsb\n" GO_ON ::: "memory");
        break;
    /* A single step, and one behind a load of ss, which holds events off for an instruction. */
    case 5: __asm__ volatile("pushq $0x102\n popf\n jmp *target(%%rip)\n" GO_ON ::: "memory"); break;
    case 6: __asm__ volatile("mov $0x1b, %%eax\n mov %%eax, %%ss\n jmp *target(%%rip)\n" GO_ON ::: "memory"); break;
    case 7: __asm__ volatile("mov $231, %%eax\n syscall\n" GO_ON ::: "memory"); break;
    case 8: __asm__ volatile("int $32\n" GO_ON ::: "memory"); break;
    case 9: __asm__ volatile("ud2\n" GO_ON ::: "memory"); break;
    /* Sets its thread pointer, which the host does for it, and goes on until it is stopped. */
    case 10:
        __asm__ volatile("mov $158, %%eax\n mov $0x1002, %%edi\n lea region(%%rip), %%rsi\n syscall\n" GO_ON ::: "memory");
        break;
    default: __asm__ volatile(GO_ON ::: "memory");
    }
}
