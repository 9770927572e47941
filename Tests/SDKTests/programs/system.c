/* What a process expects of its system, and the low-level interface beside the files. Input: in/item "data" key 3. */
#define _GNU_SOURCE
#include "check.h"
#include <dandelion/function.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t handled;

static void handler(int signal) { handled = signal; }

static void refused(void) {
    REFUSED(ENOSYS, fork());
    REFUSED(EAFNOSUPPORT, socket(AF_INET, SOCK_STREAM, 0));
    REFUSED(ENOSYS, execl("/bin/sh", "sh", (char *)NULL));
    CHECK(popen("ls", "r") == NULL);
    REFUSED(ENOSYS, (int)syscall(100000));
}

static void signals(void) {
    sigset_t set;
    signal(SIGUSR1, handler);
    CHECK(raise(SIGUSR1) == 0 && handled == SIGUSR1);
    handled = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && kill(getpid(), SIGUSR1) == 0 && handled == 0);
    CHECK(sigpending(&set) == 0 && sigismember(&set, SIGUSR1) == 1);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && handled == SIGUSR1);
}

static void clocks(void) {
    struct timespec before, after;
    time_t now = time(NULL);
    CHECK(now >= 1600000000 && clock_gettime(CLOCK_MONOTONIC, &before) == 0 && sleep(5) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0 && after.tv_sec - before.tv_sec == 5 && time(NULL) == now + 5);
    while (clock() < CLOCKS_PER_SEC / 1000) usleep(10);
}

static void memory(void) {
    char *pages = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && pages[0] == 0 && pages[9999] == 0);
    memset(pages, 1, 10000);
    pages = mremap(pages, 10000, 100000, MREMAP_MAYMOVE);
    CHECK(pages != MAP_FAILED && pages[9999] == 1 && pages[99999] == 0 && munmap(pages, 100000) == 0);
    pages = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 100000; i++) CHECK(pages[i] == 0);
    REFUSED(EPERM, (int)(long)mmap(NULL, 1, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    unsigned char first[16], second[16];
    CHECK(getrandom(first, 16, 0) == 16 && getrandom(second, 16, 0) == 16 && memcmp(first, second, 16) != 0);
}

static void low_level(void) {
    dandelion_item *in = dandelion_input(dandelion_input_set("in"), 0);
    CHECK(in && in->length == 4 && in->key == 3 && memcmp(in->data, "data", 4) == 0);
    dandelion_item out = {"by hand", 7, in->data, in->length, 9};
    CHECK(dandelion_output(dandelion_output_set("out"), &out) == 0);
    FILE *file = fopen("/out/by file", "w");
    CHECK(file && fputs("text", file) >= 0 && fclose(file) == 0);
}

int main(void) {
    struct utsname name;
    jmp_buf jump;
    CHECK(uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0 && getpid() == 1 && isatty(1) == 0);
    if (setjmp(jump) == 0) longjmp(jump, 1);
    refused();
    signals();
    clocks();
    memory();
    low_level();
    puts("all good");
    fflush(stdout);
    abort();
}
