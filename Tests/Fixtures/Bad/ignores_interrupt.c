/* Does nothing when interrupted. */
#include "wrapped.h"
static void interrupt(dn_engine *engine, uint64_t run, int32_t reason) { (void)engine, (void)run, (void)reason; }
static void replace(void) { changed.interrupt = interrupt; }
