/* Its probe leaves a thread behind, once. */
static void *sleeper(void *arg);
#define PROBE static int made; pthread_t thread; if (!made++) pthread_create(&thread, 0, sleeper, 0)
#include "echo.h"
static void *sleeper(void *arg) { for (;;) pause(); return arg; }
