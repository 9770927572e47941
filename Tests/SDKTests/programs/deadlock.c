/* Two threads that take two locks in the wrong order. */
#include "check.h"
#include <pthread.h>
#include <sched.h>

static pthread_mutex_t locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};

static void *takes_both(void *argument) {
    int first = (int)(long)argument;
    pthread_mutex_lock(&locks[first]);
    sched_yield();
    pthread_mutex_lock(&locks[!first]);
    return NULL;
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, takes_both, (void *)1l) == 0);
    takes_both(NULL);
    return 0;
}
