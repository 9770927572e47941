#include "vfs.h"
#include <dandelion/function.h>

#define PATIENT ((uint64_t)4096)    /* readings one after another that take a nanosecond each; then the steps grow */
#define GROWS_EACH ((uint64_t)256)  /* readings between two doublings */
#define LARGEST ((uint64_t)10000000)

static uint64_t elapsed, readings, step = 1;
static bool follows_processor;

int64_t hl_now(void) { return (int64_t)(dandelion_realtime_ns() + hl_elapsed()); }

uint64_t hl_elapsed(void) { return follows_processor ? elapsed + hl_processor_time() : elapsed; }

uint64_t hl_counted(void) { return elapsed; }

void hl_sleep(uint64_t nanoseconds) {
    elapsed += nanoseconds;
    readings = 0;
    step = 1;
}

void hl_clock_read(void) {
    if (follows_processor) return;
    elapsed += step;
    if (++readings > PATIENT && readings % GROWS_EACH == 0 && step < LARGEST) step *= 2;
}

void hl_clock_follow_processor(void) { follows_processor = true; }
