/* Threads that take turns: everything of pthreads that programs use. */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int shared;
static _Thread_local int own = 7;

static void *add(void *argument) {
    CHECK(own == 7);
    own = (int)(long)argument;
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        int before = shared;
        if (i % 100 == 0) sched_yield();
        shared = before + 1;
        pthread_mutex_unlock(&mutex);
    }
    CHECK(own == (int)(long)argument);
    return (void *)((long)argument * 2);
}

static void joins_and_mutexes(void) {
    pthread_t threads[20];
    for (long i = 0; i < 20; i++) CHECK(pthread_create(&threads[i], NULL, add, (void *)i) == 0);
    for (long i = 0; i < 20; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0 && (long)result == i * 2);
    }
    CHECK(shared == 20000 && own == 7);
}

/* A queue between two: each waits for the other. */
static int queue[4], queued;

static void *produce(void *argument) {
    (void)argument;
    for (int i = 1; i <= 1000; i++) {
        pthread_mutex_lock(&mutex);
        while (queued == 4) pthread_cond_wait(&changed, &mutex);
        queue[queued++] = i;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void conditions(void) {
    pthread_t thread;
    long sum = 0;
    CHECK(pthread_create(&thread, NULL, produce, NULL) == 0);
    for (int taken = 0; taken < 1000;) {
        pthread_mutex_lock(&mutex);
        while (queued == 0) pthread_cond_wait(&changed, &mutex);
        while (queued > 0) sum += queue[--queued], taken++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    CHECK(pthread_join(thread, NULL) == 0 && sum == 500500);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 100;
    pthread_mutex_lock(&mutex);
    CHECK(pthread_cond_timedwait(&changed, &mutex, &until) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
}

/* Sleeps pass in the order of their ends, and take no time. */
static char order[8];
static int place;

static void *sleeper(void *argument) {
    usleep((useconds_t)(long)argument * 1000000);
    order[place++] = (char)('0' + (long)argument);
    return NULL;
}

static void sleeps(void) {
    static const long seconds[] = {3, 1, 2};
    pthread_t threads[3];
    time_t before = time(NULL);
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, sleeper, (void *)seconds[i]);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK(strcmp(order, "123") == 0 && time(NULL) - before == 3);
}

static pthread_barrier_t barrier;
static sem_t semaphore;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ran_once, serial;

static void run_once(void) { ran_once++; }

static void *meets(void *argument) {
    (void)argument;
    pthread_once(&once, run_once);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) serial++;
    sem_wait(&semaphore);
    pthread_rwlock_wrlock(&lock);
    sched_yield();
    pthread_rwlock_unlock(&lock);
    return NULL;
}

static void others(void) {
    pthread_t threads[4];
    CHECK(pthread_barrier_init(&barrier, NULL, 5) == 0 && sem_init(&semaphore, 0, 0) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, meets, NULL) == 0);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) serial++;
    for (int i = 0; i < 4; i++) sem_post(&semaphore);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(ran_once == 1 && serial == 1);
}

static pthread_key_t key;
static int destroyed, cleaned;

static void destroy(void *value) { destroyed += (int)(long)value; }

static void clean(void *argument) { cleaned += (int)(long)argument; }

static void *ends_early(void *argument) {
    pthread_setspecific(key, argument);
    pthread_cleanup_push(clean, (void *)5l);
    pthread_exit((void *)3l);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *sleeps_for_ever(void *argument) {
    (void)argument;
    pthread_cleanup_push(clean, (void *)7l);
    for (;;) pause();
    pthread_cleanup_pop(0);
    return NULL;
}

static void unlock(void *argument) { pthread_mutex_unlock(argument); }

static void *waits_for_ever(void *argument) {
    (void)argument;
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    for (;;) pthread_cond_wait(&changed, &mutex);
    pthread_cleanup_pop(0);
    return NULL;
}

static void endings(void) {
    pthread_t thread;
    void *result;
    pthread_attr_t detached;
    CHECK(pthread_key_create(&key, destroy) == 0);
    CHECK(pthread_create(&thread, NULL, ends_early, (void *)11l) == 0 && pthread_join(thread, &result) == 0);
    CHECK((long)result == 3 && destroyed == 11 && cleaned == 5);
    CHECK(pthread_create(&thread, NULL, sleeps_for_ever, NULL) == 0);
    sched_yield();
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED && cleaned == 12);
    CHECK(pthread_create(&thread, NULL, waits_for_ever, NULL) == 0);
    sched_yield();
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    CHECK(pthread_mutex_trylock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    /* Their stacks are used again: more threads than there is memory for at once. */
    for (int i = 0; i < 500; i++) {
        CHECK(pthread_create(&thread, &detached, ends_early, (void *)0l) == 0);
        sched_yield();
    }
}

static volatile int handled_by;

static void handler(int signal) {
    (void)signal;
    handled_by = (int)syscall(SYS_gettid);
}

static void *gets_a_signal(void *argument) {
    *(int *)argument = (int)syscall(SYS_gettid);
    CHECK(sleep(10) > 0);
    return NULL;
}

static void signals(void) {
    pthread_t thread;
    int number = 0;
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    CHECK(pthread_create(&thread, NULL, gets_a_signal, &number) == 0);
    sched_yield();
    CHECK(number > 1 && pthread_kill(thread, SIGUSR1) == 0 && pthread_join(thread, NULL) == 0 && handled_by == number);
}

static void *knows_its_stack(void *argument) {
    pthread_attr_t attributes;
    void *low;
    size_t size;
    (void)argument;
    CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0 && pthread_attr_getstack(&attributes, &low, &size) == 0);
    CHECK((char *)&low > (char *)low && (char *)&low < (char *)low + size);
    return NULL;
}

static int c11(void *argument) { return *(int *)argument + 1; }

int main(void) {
    pthread_t thread;
    thrd_t standard;
    int value = 41, result;
    joins_and_mutexes();
    conditions();
    sleeps();
    others();
    endings();
    signals();
    knows_its_stack(NULL);
    CHECK(pthread_create(&thread, NULL, knows_its_stack, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(thrd_create(&standard, c11, &value) == thrd_success && thrd_join(standard, &result) == thrd_success && result == 42);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) == 1);
    puts("all good");
    return 0;
}
