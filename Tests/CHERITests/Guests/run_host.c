/* run.c, unchanged, under a trampoline that enters plain code of this process: deadlines, requests and faults, with real
 * timers and signals. Prints what failed. */
#include <dandelion/compute.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "CCHERI.h"

static sigjmp_buf before;
static volatile int64_t ended;
static struct cheri_runner *runner;
static volatile int late; /* spends this many ms before it is inside */

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void spend(uint64_t ms) {
    for (uint64_t end = now() + ms * 1000000; now() < end;) {}
}

int64_t cheri_enter(uint64_t call, uint64_t frame) {
    struct cheri_frame *place = (struct cheri_frame *)frame;
    spend((uint64_t)late);
    if (sigsetjmp(before, 0)) return ended;
    place->inside = 1;
    ((void (*)(void))((struct cheri_call *)call)->entry)();
    place->inside = 0;
    return CHERI_LEFT;
}

__attribute__((noreturn)) void cheri_unwind(uint64_t frame, uint64_t result) {
    ((struct cheri_frame *)frame)->inside = 0;
    ended = (int64_t)result;
    siglongjmp(before, 1);
}

void cheri_sync_code(uint64_t begin, uint64_t end) { (void)begin, (void)end; }

static void on_signal(int signo, siginfo_t *info, void *context) {
    if (!cheri_runner_signal(runner, signo, info, context) && signo != SIGRTMIN + 4) _exit(9);
}

static void leaves(void) {}
static void loops(void) { for (;;) __asm__ volatile(""); }
static void faults(void) { *(volatile int *)16 = 1; }
static void is_illegal(void) { __asm__ volatile("udf #0"); }

static uint64_t next_run = 1;
static struct cheri_fault fault;
static int32_t reason;

static int64_t run(void (*entry)(void), uint64_t deadline) {
    struct cheri_call call = {.entry = (uint64_t)entry};
    return cheri_runner_run(runner, &call, next_run++, deadline, now(), &fault, &reason);
}

static pthread_t engine;

static void *cancels(void *run) {
    usleep(30000);
    if (dk_stop_request(cheri_runner_stop(runner), (uint64_t)run, DN_INTERRUPT_CANCEL)) pthread_kill(engine, SIGRTMIN + 4);
    return NULL;
}

static int64_t run_cancelled(int ms) {
    pthread_t thread;
    late = ms;
    pthread_create(&thread, NULL, cancels, (void *)next_run);
    int64_t end = run(loops, 0);
    pthread_join(thread, NULL);
    late = 0;
    return end;
}

static int failures;
static void expect(const char *what, int holds) {
    if (!holds) printf("failed: %s\n", what), failures++;
}

int main(void) {
    /* Threads of tests block signals, and so does what they start. */
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    alarm(60);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};
    /* The mask of the handler must not stay when it is left by a jump. */
    sigaddset(&action.sa_mask, SIGRTMIN + 4);
    sigaddset(&action.sa_mask, SIGSEGV);
    int signals[] = {SIGSEGV, SIGILL, SIGRTMIN + 4};
    for (int i = 0; i < 3; i++) sigaction(signals[i], &action, NULL);
    engine = pthread_self();
    runner = cheri_runner_create(SIGRTMIN + 4);
    expect("create", runner != NULL);
    for (int round = 0; round < 3; round++) {
        expect("leaves", run(leaves, 0) == CHERI_LEFT && run(leaves, now() + 1000000000) == CHERI_LEFT);
        uint64_t began = now();
        expect("deadline", run(loops, now() + 20000000) == CHERI_STOPPED && reason == DN_INTERRUPT_DEADLINE);
        expect("not before its time", now() - began >= 20000000);
        expect("deadline over before", run(loops, now() - 1) == CHERI_STOPPED && reason == DN_INTERRUPT_DEADLINE);
        /* The first signals come before it is inside, and are lost: only a timer that repeats ends this. */
        late = 30;
        expect("deadline comes again", run(loops, now() + 5000000) == CHERI_STOPPED && reason == DN_INTERRUPT_DEADLINE);
        late = 0;
        expect("fault", run(faults, 0) == CHERI_FAULTED && fault.signal == SIGSEGV && fault.address == 16);
        expect("pc", fault.pc >= (uint64_t)faults && fault.pc < (uint64_t)faults + 64);
        expect("illegal", run(is_illegal, 0) == CHERI_FAULTED && fault.signal == SIGILL);
        expect("request while it runs", run_cancelled(0) == CHERI_STOPPED && reason == DN_INTERRUPT_CANCEL);
        expect("request before it is inside", run_cancelled(80) == CHERI_STOPPED && reason == DN_INTERRUPT_CANCEL);
        dk_stop_request(cheri_runner_stop(runner), next_run, DN_INTERRUPT_CANCEL);
        expect("request before it begins", run(loops, 0) == CHERI_STOPPED && reason == DN_INTERRUPT_CANCEL);
        expect("stale request", dk_stop_request(cheri_runner_stop(runner), next_run - 1, DN_INTERRUPT_CANCEL) == 0);
        expect("next is not stopped", run(leaves, now() + 60000000) == CHERI_LEFT);
        spend(80);
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        expect("mask", !sigismember(&mask, SIGRTMIN + 4) && !sigismember(&mask, SIGSEGV));
    }
    cheri_runner_destroy(runner);
    printf("%d failures\n", failures);
    return failures;
}
