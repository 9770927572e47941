/* A program whose C library's WASI calls are answered in the program itself: from the platform's entry to main. It has
 * no imports but its memory. */
#include "../../../freestanding/runtime.h"
#include "../../core/memory.h"
#include "../wasi.h"

/* The linker's, and wasi-libc's. */
void __wasm_call_ctors(void);
void __wasm_call_dtors(void);
int __main_void(void);
/* Runs main as well; there when the program has exceptions. */
int dandelion_main_catching(void) __attribute__((weak));

bool hl_memory_claim(size_t bytes) { return bytes > 0; } /* all of the memory is the function's */

__attribute__((export_name("_start"))) void _start(const dn_guest_entry *entry) {
    if (wasi_begin(entry) != 0) {
        __dandelion_system_data.exit_code = DANDELION_EXIT_OUT_OF_MEMORY;
        return;
    }
    __wasm_call_ctors();
    int code = dandelion_main_catching ? dandelion_main_catching() : __main_void();
    __wasm_call_dtors();
    wasi_finish(code & 255);
}
