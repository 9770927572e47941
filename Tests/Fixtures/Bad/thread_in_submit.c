/* Leaves a thread behind when it is given a request. */
static void *sleeper(void *arg);
#define SUBMIT static int made; pthread_t thread; if (!made++) pthread_create(&thread, 0, sleeper, 0)
#include "echo.h"
static void *sleeper(void *arg) { for (;;) pause(); return arg; }
