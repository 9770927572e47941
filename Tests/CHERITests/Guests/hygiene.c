/* Leaves what it finds when it begins: registers, tags and capabilities; hygiene words lie as its test reads them. The
 * parameter is where the sealed return pair lies. */
#define START_OF_ITS_OWN
#include "guest.h"
#include "words.h"

__attribute__((used)) static u64 *volatile seen_at;
static u64 seen[144];

#define CAPABILITY(c, offset) \
    ASM(GCBASE(1, c)) "\n" ASM(GCLEN(2, c)) "\n" ASM(GCPERM(3, c)) "\n" ASM(GCTAG(4, c)) "\n" \
    "str x1, [sp, #" #offset "]\n str x2, [sp, #" #offset " + 8]\n str x3, [sp, #" #offset " + 16]\n" \
    "str x4, [sp, #" #offset " + 24]\n"

__attribute__((naked, noreturn)) void _start(void) {
    __asm__("sub sp, sp, #1024\n"
            "stp x0, x1, [sp]\n stp x2, x3, [sp, #16]\n stp x4, x5, [sp, #32]\n stp x6, x7, [sp, #48]\n"
            "stp x8, x9, [sp, #64]\n stp x10, x11, [sp, #80]\n stp x12, x13, [sp, #96]\n stp x14, x15, [sp, #112]\n"
            "stp x16, x17, [sp, #128]\n stp x18, x19, [sp, #144]\n stp x20, x21, [sp, #160]\n"
            "stp x22, x23, [sp, #176]\n stp x24, x25, [sp, #192]\n stp x26, x27, [sp, #208]\n"
            "stp x28, x29, [sp, #224]\n str x30, [sp, #240]\n"
            ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
            ".inst 0xC2C09000 | (\\n << 5)\n strb w0, [sp, #768 + \\n]\n .endr\n"
            "stp q0, q1, [sp, #256]\n stp q2, q3, [sp, #288]\n stp q4, q5, [sp, #320]\n stp q6, q7, [sp, #352]\n"
            "stp q8, q9, [sp, #384]\n stp q10, q11, [sp, #416]\n stp q12, q13, [sp, #448]\n stp q14, q15, [sp, #480]\n"
            "stp q16, q17, [sp, #512]\n stp q18, q19, [sp, #544]\n stp q20, q21, [sp, #576]\n"
            "stp q22, q23, [sp, #608]\n stp q24, q25, [sp, #640]\n stp q26, q27, [sp, #672]\n"
            "stp q28, q29, [sp, #704]\n stp q30, q31, [sp, #736]\n"
            "str xzr, [sp, #248]\n"
            "mrs x0, nzcv\n mrs x1, fpcr\n str x0, [sp, #800]\n str x1, [sp, #808]\n mrs x0, fpsr\n str x0, [sp, #816]\n"
            ASM(CPY(0, 31)) "\n" ASM(GCTAG(0, 0)) "\n str x0, [sp, #824]\n"
            ASM(MRS_C(0, DDC)) "\n" CAPABILITY(0, 832)
            CAPABILITY(30, 864)
            ASM(MRS_C(0, CID_EL0)) "\n str x0, [sp, #896]\n" ASM(GCTAG(1, 0)) "\n str x1, [sp, #904]\n"
            ASM(MRS_C(0, CTPIDR_EL0)) "\n str x0, [sp, #912]\n" ASM(GCTAG(1, 0)) "\n str x1, [sp, #920]\n"
            "add x0, sp, #1024\n str x0, [sp, #928]\n"
            "mov x0, sp\n adrp x1, seen_at\n str x0, [x1, :lo12:seen_at]\n"
            "ldr x0, [sp]\n bl guest_start");
}

void guest_main(void) {
    for (int i = 0; i < 128; i++) seen[i] = seen_at[i];
    u64 *pair = &seen[128];
    __asm__ volatile("mov x9, %1\n" ASM(LDR_C(0, 9, 0)) "\n" ASM(GCLEN(1, 0)) "\n" ASM(GCPERM(2, 0)) "\n"
                     ASM(GCTAG(3, 0)) "\n" ASM(GCTYPE(4, 0)) "\n stp x1, x2, [%0]\n stp x3, x4, [%0, #16]\n"
                     ::"r"(pair), "r"(parameter(0)) : "x0", "x1", "x2", "x3", "x4", "x9", "memory");
    OUTPUT("hygiene", seen, sizeof seen);
}
