/* The end of the process by somebody who does not own it. */
#define _DEFAULT_SOURCE
#include "CPlatform.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static atomic_bool forbidden;

/* Runs on the thread that called exit(3), while the others go on: nothing may be taken down in an orderly way here. */
static void refuse(int status, void *arg) {
    char text[160];
    (void)arg;
    if (!atomic_load(&forbidden)) return;
    int count = snprintf(
        text, sizeof text, "dandelion: a plugin or one of its libraries called exit(%d); leaving with %d\n", status, EX_SOFTWARE);
    (void)!write(2, text, (size_t)count);
    _exit(EX_SOFTWARE);
}

void cp_forbid_exit(void) {
    static bool registered;
    if (!registered) registered = on_exit(refuse, NULL) == 0;
    atomic_store(&forbidden, true);
}

void cp_permit_exit(void) { atomic_store(&forbidden, false); }
