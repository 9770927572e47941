/* The surroundings of the file system: a function without inputs and outputs. */
#include "../../../SDK/freestanding/runtime.h"
#include "../../../SDK/hlibc/calls/calls.h"
#include "../../../SDK/hlibc/calls/thread.h"

struct system_data __dandelion_system_data;

uint64_t dandelion_realtime_ns(void) { return 0; }

bool hl_memory_claim(size_t bytes) { return bytes > 0; }

uint64_t hl_processor_time(void) { return 0; }

void dandelion_report_stream(int descriptor, const void *words) { (void)descriptor, (void)words; }

int hl_make_contents(struct hl_node *node) { return node->made ? -ENOSYS : 0; }

/* One thread, which never waits. */
long hl_wait(bool (*ready)(void *), void *argument, uint64_t until, bool restarts, const char *what) {
    (void)ready, (void)argument, (void)until, (void)restarts, (void)what;
    return -EDEADLK;
}

void hl_give_way(void) {}

long hl_gettid(void) { return 1; }

long hl_tkill(long number, long signal) { return number == 1 && signal > 0 ? 0 : -ESRCH; }
