/* What the platform may read of a function that ends otherwise than well: dn_guest_report of guest.h. */
#include "runtime.h"
#include <string.h>

struct text {
    const char *bytes;
    size_t length;
};

static struct text failure[3]; /* kind, message, trace */
static dn_guest_report report = {DN_GUEST_REPORT_MAGIC, sizeof report, 0, 0, 0};

void dandelion_report(void) {
    dn_guest_entry *entry = (dn_guest_entry *)(uintptr_t)dandelion_entry_block();
    if (!entry || entry->struct_size < offsetof(dn_guest_entry, report) + sizeof entry->report) return;
    if (report.standard_output || report.standard_error || report.failure) entry->report = (uintptr_t)&report;
}

void dandelion_report_stream(int descriptor, const void *words) {
    *(descriptor == 1 ? &report.standard_output : &report.standard_error) = (uintptr_t)words;
    dandelion_report();
}

const void *dandelion_reported_trace(size_t *length) {
    *length = report.failure ? failure[2].length : 0;
    return failure[2].bytes;
}

static struct text text(const char *bytes) { return (struct text){bytes, bytes ? strlen(bytes) : 0}; }

static void tell(const char *kind, const char *message, const char *trace) {
    report.failure = 0;
    failure[0] = text(kind);
    failure[1] = text(message);
    failure[2] = text(trace);
    report.failure = (uintptr_t)failure;
    dandelion_report();
}

void dandelion_where(const char *trace) {
    if (trace) tell(NULL, NULL, trace);
    else report.failure = 0;
}

void dandelion_fail(const char *kind, const char *message, const char *trace) {
    dandelion_flush();
    tell(kind, message, trace);
    dandelion_exit(1);
}

uint64_t dandelion_time_limit_ns(void) {
    const dn_guest_entry *entry = dandelion_entry_block();
    if (!entry || entry->struct_size < offsetof(dn_guest_entry, time_ns) + sizeof entry->time_ns) return 0;
    return entry->time_ns;
}
