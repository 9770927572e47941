/* An image that was started as a program of the machine instead of on a node: it has itself run in a sandbox by the program
 * that the environment's DANDELION_RUN names, so that build systems can run what they built, or says what it is. */
#include <stddef.h>

#if defined(__x86_64__)
/* A call of Linux, whose instruction is a part of another one's constant: looking an image through for system calls finds
 * those of the function, which its sandbox would stop. */
__asm__(".text\n"
        ".type dandelion_linux, @function\n"
        "dandelion_linux:\n"
        "    movl $0xc3050f, %eax\n"
        ".size dandelion_linux, . - dandelion_linux\n"
        ".globl dandelion_by_hand\n"
        ".type dandelion_by_hand, @function\n"
        "dandelion_by_hand:\n"
        "    movq %rsp, %rdi\n"
        "    andq $-16, %rsp\n"
        "    callq dandelion_explain\n"
        "    ud2\n"
        ".size dandelion_by_hand, . - dandelion_by_hand\n");

enum { WRITE = 1, EXECVE = 59, EXIT_GROUP = 231, PATH_OF_PROGRAM = 31 /* AT_EXECFN */, CANNOT_RUN = 126 };

static long linux_call(long number, const void *a, const void *b, const void *c) {
    long result;
    __asm__ volatile("callq dandelion_linux + 1"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

static size_t length_of(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

static void say(const char *text) { linux_call(WRITE, (void *)2, text, (void *)length_of(text)); }

static const char *runner_in(char **environment) {
    static const char name[] = "DANDELION_RUN=";
    for (; *environment; environment++) {
        size_t i = 0;
        while (name[i] && (*environment)[i] == name[i]) i++;
        if (!name[i] && (*environment)[i]) return *environment + i;
    }
    return NULL;
}

static char *image_in(size_t *auxiliary) {
    for (; auxiliary[0] != 0; auxiliary += 2)
        if (auxiliary[0] == PATH_OF_PROGRAM) return (char *)auxiliary[1];
    return NULL;
}

/* The stack is as execve(2) leaves it: argc, argv, NULL, environment, NULL, auxiliary words. */
__attribute__((used, noreturn)) void dandelion_explain(long *stack) {
    size_t count = (size_t)stack[0];
    char **arguments = (char **)(stack + 1), **environment = arguments + count + 1, **end = environment;
    while (*end) end++;
    const char *runner = runner_in(environment);
    char *image = image_in((size_t *)(end + 1));
    if (!image) image = arguments[0];
    if (runner) {
        char *command[count + 3];
        command[0] = (char *)runner;
        command[1] = image;
        for (size_t i = 1; i <= count; i++) command[i + 1] = arguments[i];
        if (count == 0) command[2] = NULL;
        linux_call(EXECVE, runner, command, environment);
        say(runner);
        say(", which DANDELION_RUN names, cannot be run: ");
    }
    say(image ? image : "this");
    say(": a function for a Dandelion node; run it by: dandelion run FILE\n");
    for (;;) linux_call(EXIT_GROUP, (void *)CANNOT_RUN, NULL, NULL);
}
#endif
