/* Tries one way out: the parameters are which, an address, and where the sealed return pair lies. */
#include "guest.h"
#include "words.h"

static __attribute__((aligned(64))) u64 memory[16];

/* The last page of the code: a jump there runs off its end. */
__asm__(".section .text.zz, \"ax\"\n .balign 4096\n last_page: .rept 1024\n nop\n .endr\n .text");
extern const char last_page[];

#define WAY(number, code, ...) \
    case number: __asm__ volatile(code ::"r"(address), "r"(memory) : "x0", "x1", "x2", "x3", "x9", "v0", "memory"); break;

/* Loads the pair into c0. */
#define PAIR "mov x9, %2\n" ASM(LDR_C(0, 9, 0)) "\n"
#define PAIR_WAY(number, code) \
    case number: \
        __asm__ volatile(PAIR code ::"r"(address), "r"(memory), "r"(slot) : "x0", "x1", "x2", "x3", "x9", "memory"); \
        break;
#define LEAVE_BY(c) "\n" ASM(LDPBR(29, c))

void guest_main(void) {
    u64 way = parameter(0), address = parameter(1), slot = parameter(2);
    switch (way) {
        WAY(0, "ldr x0, [%0]")
        WAY(1, "str x0, [%0]")
        WAY(2, "st1 {v0.16b}, [%0]")
        WAY(3, "dc zva, %0")
        WAY(4, "ldaxr x0, [%0]")
        WAY(5, "br %0")
        WAY(6, "mov x30, %0\n ret")
    case 7: __asm__ volatile("br %0" ::"r"(last_page)); break;
        PAIR_WAY(8, ASM(LDR_X_BY_C(1, 0)))
        PAIR_WAY(9, ASM(LDPBR(28, 0)))
        PAIR_WAY(10, ASM(ADD_C(1, 0, 16)) LEAVE_BY(1))
        PAIR_WAY(11, "mov x2, #64\n" ASM(SCVALUE(1, 0, 2)) LEAVE_BY(1))
        PAIR_WAY(12, "mov x2, #16\n" ASM(SCBNDS(1, 0, 2)) LEAVE_BY(1))
        PAIR_WAY(13, "mov x2, #64\n" ASM(CLRPERM(1, 0, 2)) LEAVE_BY(1))
        PAIR_WAY(14, ASM(UNSEAL(1, 0, 0)) LEAVE_BY(1))
        PAIR_WAY(15, ASM(MRS_C(2, DDC)) "\n" ASM(UNSEAL(1, 0, 2)) LEAVE_BY(1))
        PAIR_WAY(16, ASM(MRS_C(2, DDC)) "\n" ASM(BUILD(1, 0, 2)) LEAVE_BY(1))
        PAIR_WAY(17, "ldp x1, x2, [x9]\n mov x3, %1\n stp x1, x2, [x3]\n" ASM(LDR_C(1, 3, 0)) LEAVE_BY(1))
        PAIR_WAY(18, "strb w9, [x9]\n" ASM(LDR_C(1, 9, 0)) LEAVE_BY(1))
        PAIR_WAY(19, ASM(BR_C(0)))
        PAIR_WAY(20, "mov x2, %1\n" ASM(STR_C(0, 2, 0)))
        WAY(21, "adr x2, .\n" ASM(CVTP(2, 2)) "\n" ASM(LDR_X_BY_C(1, 2)))
        WAY(22, "mov x2, #0\n msr S3_3_C1_C2_2, x2")
        WAY(23, "mrs x0, cntvct_el0")
        WAY(24, ASM(MRS_C(0, RDDC_EL0)))
        WAY(25, ASM(MRS_C(0, RCSP_EL0)))
        WAY(26, "adr x2, .\n" ASM(CVTP(2, 2)) "\n" ASM(BRR(2)))
        PAIR_WAY(27, ASM(MSR_C(DDC, 31)) LEAVE_BY(0))
        WAY(28, "mov x8, %0\n svc #0")
        WAY(29, "udf #1")
        WAY(30, "brk #7")
        WAY(31, "mov x2, #1\n msr tpidr_el0, x2\n mov x2, #0x400000\n msr fpcr, x2\n mov x2, #0\n mov sp, x2\n ldr x0, [%0]")
        WAY(32, "mov x2, #1\n msr tpidr_el0, x2\n mov sp, x2\n 1: b 1b")
    case 33: /* spoils every register that it can, then leaves */
        __asm__ volatile(PAIR "mov x1, #-1\n msr nzcv, x1\n msr fpsr, x1\n movi v8.2d, #-1\n movi v15.2d, #-1\n"
                         "mov x19, x1\n mov x20, x1\n mov x28, x1\n mov x30, x1\n mov sp, x1\n msr tpidr_el0, x1\n"
                         ASM(MRS_C(2, DDC)) "\n" ASM(MSR_C(CID_EL0, 2)) LEAVE_BY(0) ::"r"(address), "r"(memory), "r"(slot));
        break;
    }
}
