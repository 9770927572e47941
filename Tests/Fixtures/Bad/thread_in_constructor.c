/* Leaves a thread behind when it is mapped. */
#include <pthread.h>
static void *sleeper(void *arg);
#define CONSTRUCTOR pthread_t thread; pthread_create(&thread, 0, sleeper, 0)
#include "echo.h"
static void *sleeper(void *arg) { for (;;) pause(); return arg; }
