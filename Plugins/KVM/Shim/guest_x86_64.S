/* Code that runs inside the virtual machine, copied there page by page. */
#if defined(__x86_64__)
#include "CKVM_layout.h"

    .section .rodata
    .balign 64

/* At CPL 3. The page behind this one begins with an empty XSAVE image: xrstor puts every floating-point and vector
 * register into its initial state, for nothing, where an ioctl would cost as much as an empty KVM_RUN.
 * Entering here and not at the function also keeps the entry address apart from that of the exit: KVM skips a pending
 * `out` when the next run begins at its address. mov, not xor: flags stay as they were set. */
    .globl ckvm_trampoline
    .hidden ckvm_trampoline
ckvm_trampoline:
.Lpage:
    mov $-1, %eax
    mov $-1, %edx
    xrstor64 (.Lpage + 4096)(%rip)
    mov $0, %eax
    mov $0, %edx
    jmp *(.Lpage + 4096 + CKVM_ENTRY_TARGET)(%rip)

/* The exit address. Nothing follows: the vCPU is never resumed here. */
    .balign 16
    .globl ckvm_trampoline_exit
    .hidden ckvm_trampoline_exit
ckvm_trampoline_exit:
    out %al, $CKVM_EXIT_PORT
    hlt
    .globl ckvm_trampoline_end
    .hidden ckvm_trampoline_end
ckvm_trampoline_end:

/* At CPL 0, where a page-table VM interprets: one instruction each. */
    .globl ckvm_stubs
    .hidden ckvm_stubs
    .balign 64
ckvm_stubs:
    .set vector, 0
    .rept CKVM_VECTORS
    .balign CKVM_STUB_BYTES
    out %al, $(CKVM_STUB_PORT + vector)
    hlt
    .set vector, vector + 1
    .endr
    .balign CKVM_STUB_BYTES
    .globl ckvm_stubs_end
    .hidden ckvm_stubs_end
ckvm_stubs_end:
#endif
    .section .note.GNU-stack, "", @progbits
