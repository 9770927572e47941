/* What of the host was not as before; for C and assembly. */
#ifndef TEST_MACHINE_BITS_H
#define TEST_MACHINE_BITS_H

#define DAMAGE_CALLEE_SAVED 1
#define DAMAGE_STACK 2
#define DAMAGE_FLOATING 4
#define DAMAGE_CONTROL 8 /* FPCR, FPSR */
#define DAMAGE_CCTLR 16
#define DAMAGE_DDC 32
#define DAMAGE_PCC 64
#define DAMAGE_BANK 128 /* CTPIDR, CID, RDDC, RCSP, RCTPIDR */
#define DAMAGE_SLOT 256
#define DAMAGE_INSIDE 512

#endif
