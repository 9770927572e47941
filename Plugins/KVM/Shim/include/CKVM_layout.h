/* Numbers that C, Swift and the guest's assembly share. */
#ifndef CKVM_LAYOUT_H
#define CKVM_LAYOUT_H

#define CKVM_EXIT_PORT 0x10 /* the trampoline's `out`: a function leaves */
#define CKVM_STUB_PORT 0x40 /* + vector: an exception stub's `out` */
#define CKVM_STUB_BYTES 4
#define CKVM_VECTORS 48
#define CKVM_ENTRY_TARGET 0xff8 /* in the page behind the trampoline: where the trampoline jumps to */

#endif
