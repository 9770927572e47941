/* An instance leaves a thread behind. */
#define START pthread_t thread; pthread_create(&thread, 0, sleeper, 0)
static void *sleeper(void *arg);
#include "echo.h"
static void *sleeper(void *arg) { for (;;) pause(); return arg; }
