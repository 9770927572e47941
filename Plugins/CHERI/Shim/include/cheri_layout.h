/* Offsets that C, Swift and assembly share. */
#ifndef CHERI_LAYOUT_H
#define CHERI_LAYOUT_H

/* struct cheri_call */
#define CHERI_CALL_BASE 0
#define CHERI_CALL_CODE 16
#define CHERI_CALL_STACK 32
#define CHERI_CALL_SLOT 48
#define CHERI_CALL_BYTES 56

/* struct cheri_frame: capabilities first, then numbers. */
#define CHERI_FRAME_PAIR 0 /* what the return capability names: frame, then landing */
#define CHERI_FRAME_CID 32
#define CHERI_FRAME_RCTPIDR 48
#define CHERI_FRAME_RDDC 64
#define CHERI_FRAME_RCSP 80
#define CHERI_FRAME_X19 96
#define CHERI_FRAME_SP 192
#define CHERI_FRAME_D8 208
#define CHERI_FRAME_FPCR 272
#define CHERI_FRAME_SLOT 288
#define CHERI_FRAME_INSIDE 296
#define CHERI_FRAME_BYTES 304

#endif
