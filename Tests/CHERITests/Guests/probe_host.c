/* A process that probes its processor three times, and has a handler of its own for SIGILL. */
#include <signal.h>
#include <stdio.h>

#include "CCHERI.h"

static void mine(int signo) { (void)signo; }

int main(void) {
    signal(SIGILL, mine);
    int first = cheri_probe(), count = 1;
    while (count < 3 && cheri_probe() == first) count++;
    struct sigaction now;
    sigaction(SIGILL, NULL, &now);
    printf("probe %d, handler %s, %d times\n", first, now.sa_handler == mine ? "kept" : "lost", count);
    return 0;
}
