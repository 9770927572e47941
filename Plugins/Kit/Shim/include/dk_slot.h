/* Whose the memory of a pooled context is; an atomic 32-bit word. */
#ifndef DK_SLOT_H
#define DK_SLOT_H

#define DK_SLOT_CLEAN 0u   /* reads as zeros, free */
#define DK_SLOT_HELD 1u    /* a context */
#define DK_SLOT_DIRTY 2u   /* free, holds what a function left */
#define DK_SLOT_TRIMMED 3u /* a signal handler's for a moment; on the engine's own thread, so nobody ever sees it */

#endif
