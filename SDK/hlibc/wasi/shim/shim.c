/* The module that serves the imports of another: its memory is the context, where inputs and outputs lie; the other's is
 * reached by `guest.load` and `guest.store`. */
#include "../wasi.h"
#include "../../core/memory.h"

/* The platform bounds both memories together; false when the other one has taken the rest. */
__attribute__((import_module("guest"), import_name("claim"))) int32_t guest_claim(size_t bytes);

bool hl_memory_claim(size_t bytes) { return guest_claim(bytes) == 0; }

/* Before the other module runs. */
__attribute__((export_name("begin"))) void begin(const dn_guest_entry *entry) {
    if (wasi_begin(entry) != 0) wasi_leave(259);
}

/* After its `_start` has returned. */
__attribute__((export_name("finish"))) void finish(int32_t code) { wasi_finish(code & 255); }
