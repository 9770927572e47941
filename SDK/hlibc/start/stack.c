/* The stack of the first thread. */
#include "stack.h"
#include "../calls/calls.h"
#include <elf.h>

#define USUAL ((size_t)1 << 20) /* where the platform does not say */

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

static char *low, *high;

void hl_stack_bounds(char **lowest, char **end) {
    *lowest = low;
    *end = high;
}

/* What the linker was asked for by -z stack-size. */
static size_t asked_for(void) {
    const Elf64_Phdr *segments = (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    for (int i = 0; i < __ehdr_start.e_phnum; i++)
        if (segments[i].p_type == PT_GNU_STACK) return segments[i].p_memsz;
    return 0;
}

char *hl_stack_start(const dn_guest_entry *entry, int *error) {
    size_t size = asked_for();
    high = (char *)entry->stack_high;
    low = entry->stack_low ? (char *)entry->stack_low : high - USUAL;
    if (size <= (size_t)(high - low)) return NULL;
    char *own = hl_pages_take(hl_pages_for(size), false);
    *error = own ? 0 : -1;
    if (!own) return NULL;
    low = own;
    high = own + hl_pages_for(size) * HL_PAGE;
    return high;
}

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl hl_stack_enter\n"
        ".type hl_stack_enter, @function\n"
        "hl_stack_enter:\n"
        "    movq %rdi, %rsp\n"
        "    xorl %ebp, %ebp\n"
        "    callq *%rsi\n"
        "    ud2\n"
        ".size hl_stack_enter, . - hl_stack_enter\n");
#else
__asm__(".text\n"
        ".globl hl_stack_enter\n"
        ".type hl_stack_enter, %function\n"
        "hl_stack_enter:\n"
        "    mov sp, x0\n"
        "    mov x29, xzr\n"
        "    blr x1\n"
        "    brk #1\n"
        ".size hl_stack_enter, . - hl_stack_enter\n");
#endif
