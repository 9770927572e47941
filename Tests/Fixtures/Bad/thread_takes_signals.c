/* A thread of an instance takes the signals that ask the node to stop. */
#include <pthread.h>
static pthread_t thread;
static void *sleeper(void *arg);
#define START pthread_create(&thread, 0, sleeper, 0)
#define STOP pthread_cancel(thread), pthread_join(thread, 0)
#include "echo.h"
static void *sleeper(void *arg) {
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, 0);
    for (;;) pause();
    return arg;
}
