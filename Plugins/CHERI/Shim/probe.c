/* Whether the processor knows capabilities. The bits of AT_HWCAP2 are not proof: mainline Linux uses them otherwise. */
#define _GNU_SOURCE
#include "CCHERI.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__aarch64__)
#include "morello.h"

#define TEXT(...) #__VA_ARGS__
#define ASM(...) TEXT(__VA_ARGS__)
#define PERM_HOST_DATA (PERM_LOAD | PERM_STORE | PERM_LOAD_CAP | PERM_STORE_CAP)
#define PERM_HOST_CODE (PERM_EXECUTE | PERM_EXECUTIVE | PERM_SYSTEM)

static void illegal(int signo) {
    (void)signo;
    _exit(CHERI_NO_INSTRUCTIONS);
}

/* In the child. It has signal handlers of its own; dying of SIGILL instead could take the parent along, because the
 * kernel ends everyone who shares the memory of a process that dumps core. */
static int ask(void *argument) {
    (void)argument;
    struct sigaction action = {.sa_handler = illegal};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGILL);
    sigaction(SIGILL, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    uint64_t tag, data, code;
    __asm__ volatile(
        ASM(MRS_C(9, DDC)) "\n" ASM(GCTAG(0, 9)) "\n" ASM(GCPERM(1, 9)) "\n"
        "adr x9, .\n" ASM(CVTP(9, 9)) "\n" ASM(GCPERM(2, 9)) "\n"
        "mov %0, x0\n mov %1, x1\n mov %2, x2"
        : "=r"(tag), "=r"(data), "=r"(code)::"x0", "x1", "x2", "x9");
    int whole = tag == 1 && (data & PERM_HOST_DATA) == PERM_HOST_DATA && (code & PERM_HOST_CODE) == PERM_HOST_CODE;
    _exit(whole ? CHERI_USABLE : CHERI_WEAK);
}

int cheri_probe(void) {
    static char stack[16384] __attribute__((aligned(16)));
    int child = clone(ask, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    if (child < 0) return CHERI_NO_CHILD;
    int status = 0;
    while (waitpid(child, &status, 0) != child)
        if (errno != EINTR) return CHERI_NO_CHILD;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CHERI_NO_INSTRUCTIONS;
}
#else
int cheri_probe(void) { return CHERI_OTHER_MACHINE; }
#endif

int cheri_hwcap_bit(void) {
    uint64_t bits = getauxval(AT_HWCAP2);
    return bits & 1ull << 31 ? 31 : bits & 1ull << 19 ? 19 : 0;
}
