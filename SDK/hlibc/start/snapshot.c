/* Programs that begin again from where they were: dn_guest_snapshot of guest.h. */
#include "again.h"
#include "../calls/calls.h"
#include "../core/memory.h"
#include <dandelion/program.h>
#include <setjmp.h>
#include <stdint.h>

__attribute__((used, visibility("default"), aligned(8))) dn_guest_snapshot __dandelion_snapshot;

static jmp_buf there;
static uintptr_t thread;

int __set_thread_area(void *pointer); /* of the C library */

static uintptr_t thread_pointer(void) {
    uintptr_t pointer;
#if defined(__x86_64__)
    __asm__("movq %%fs:0, %0" : "=r"(pointer));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
    return pointer;
}

/* Called on the platform's stack, above all that the program has there: nothing below may be touched before the jump. */
void hl_resume(void) {
    if (__dandelion_snapshot.state == DN_SNAPSHOT_TAKEN) longjmp(there, 1);
}

int dandelion_snapshot(int *argc, char ***argv) {
    if (__dandelion_snapshot.state != DN_SNAPSHOT_WANTED) return 0;
    thread = thread_pointer();
    if (setjmp(there) == 0) {
        __dandelion_snapshot.data_begin = (uintptr_t)hl_memory_used_end();
        __dandelion_snapshot.state = DN_SNAPSHOT_TAKEN;
        hl_depart();
    }
    __set_thread_area((void *)thread);
    hl_begin_again(argc, argv);
    return 1;
}
