/* Morello instructions as words, because no stock assembler knows them. Operands are register numbers; 31 is the null
 * capability. Encodings: Arm Architecture Reference Manual Supplement, Morello for A-profile (DDI 0606), chapter 4. */
#ifndef CHERI_MORELLO_H
#define CHERI_MORELLO_H

/* Permissions of a capability (DDI 0606, 2.5). */
#define PERM_LOAD 0x20000
#define PERM_STORE 0x10000
#define PERM_EXECUTE 0x8000
#define PERM_LOAD_CAP 0x4000
#define PERM_STORE_CAP 0x2000
#define PERM_SYSTEM 0x200
#define PERM_MUTABLE_LOAD 0x40
#define PERM_EXECUTIVE 0x2
#define PERM_ALL 0x3ffff

/* CCTLR_EL0, which stock assemblers take by number, and its bits DDCBO and PCCBO: addresses count from the base of DDC
 * and of PCC. */
#define CCTLR_EL0 S3_3_C1_C2_2
#define CCTLR_BASE_OFFSETS 12

/* MRS c, register and MSR register, c, by the register's word. */
#define DDC 0xC28B4120
#define RDDC_EL0 0xC28B4320
#define RCSP_EL0 0xC28F4160
#define CTPIDR_EL0 0xC28BD040
#define RCTPIDR_EL0 0xC28BD080
#define CID_EL0 0xC28BD0E0
#define CELR_EL1 0xC2884020
#define DDC_EL0_AT_EL1 0xC2884120
#define CVBAR_EL1 0xC288C000
#define MRS_C(c, reg) .inst ((reg) | 0x100000 | (c))
#define MSR_C(reg, c) .inst ((reg) | (c))

#define WORD2(op, d, n) .inst ((op) | ((n) << 5) | (d))
#define WORD3(op, d, n, m) .inst ((op) | ((m) << 16) | ((n) << 5) | (d))

/* Capabilities from DDC and from PCC with an address. */
#define CVTD(cd, xn) WORD2(0xC2C59000, cd, xn)
#define CVTP(cd, xn) WORD2(0xC2C5B000, cd, xn)
/* Bounds, exact or the tag is lost. */
#define SCBNDSE(cd, cn, xm) WORD3(0xC2C02000, cd, cn, xm)
#define SCOFF(cd, cn, xm) WORD3(0xC2C06000, cd, cn, xm)
/* Clears the permissions that are set in xm. */
#define CLRPERM(cd, cn, xm) WORD3(0xC2C0A000, cd, cn, xm)
#define SEAL_LPB(cd, cn) WORD2(0xC2C35000, cd, cn)
#define CPY(cd, cn) WORD2(0xC2C1D000, cd, cn)
#define GCBASE(xd, cn) WORD2(0xC2C01000, xd, cn)
#define GCLEN(xd, cn) WORD2(0xC2C03000, xd, cn)
#define GCTAG(xd, cn) WORD2(0xC2C09000, xd, cn)
#define GCPERM(xd, cn) WORD2(0xC2C0D000, xd, cn)
#define RRLEN(xd, xn) WORD2(0xC2C71000, xd, xn)
#define RRMASK(xd, xn) WORD2(0xC2C73000, xd, xn)
/* A branch into Restricted. */
#define BRR(cn) .inst (0xC2C21003 | ((cn) << 5))
/* Loads a pair by a capability sealed for that: the first to ct, the second to PCC. */
#define LDPBR(ct, cn) WORD2(0xC2C41000, ct, cn)
#define LDR_C(ct, xn, offset) .inst (0xC2400000 | (((offset) >> 4) << 10) | ((xn) << 5) | (ct))
#define STR_C(ct, xn, offset) .inst (0xC2000000 | (((offset) >> 4) << 10) | ((xn) << 5) | (ct))

#endif
