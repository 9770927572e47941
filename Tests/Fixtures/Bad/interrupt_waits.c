/* An interrupt waits. */
#include "wrapped.h"
static void interrupt(dn_engine *engine, uint64_t run, int32_t reason) {
    base.interrupt(engine, run, reason);
    usleep(300000);
}
static void replace(void) { changed.interrupt = interrupt; }
