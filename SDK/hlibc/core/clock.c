#include "vfs.h"
#include <dandelion/function.h>

static uint64_t elapsed;

int64_t hl_now(void) { return (int64_t)(dandelion_realtime_ns() + elapsed); }

uint64_t hl_elapsed(void) { return elapsed; }

void hl_sleep(uint64_t nanoseconds) { elapsed += nanoseconds; }
