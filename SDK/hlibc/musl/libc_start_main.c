/* In the place of src/env/__libc_start_main.c, which also looks after descriptors of set-user-ID programs: that would bring
 * poll and open into each program. */
#include <elf.h>
#include <stdlib.h>
#include <unistd.h>
#include "libc.h"
#include "syscall.h"

static void no_init(void) { }
weak_alias(no_init, _init);

static void no_protector(void *entropy) { (void)entropy; }
weak_alias(no_protector, __init_ssp);

extern weak hidden void (*const __init_array_start)(void), (*const __init_array_end)(void);

#define WORDS 38

static void init_libc(char **environment, char *program)
{
    size_t words[WORDS] = {0}, *auxiliary, i;
    __environ = environment;
    for (i = 0; environment[i]; i++) {}
    libc.auxv = auxiliary = (void *)(environment + i + 1);
    for (i = 0; auxiliary[i]; i += 2)
        if (auxiliary[i] < WORDS) words[auxiliary[i]] = auxiliary[i + 1];
    __hwcap = words[AT_HWCAP];
    libc.page_size = words[AT_PAGESZ];
    __progname = __progname_full = program;
    for (i = 0; program[i]; i++)
        if (program[i] == '/') __progname = program + i + 1;
    __init_tls(words);
    __init_ssp((void *)words[AT_RANDOM]);
}

typedef int program_main(int, char **, char **);

static void run(program_main *main, int count, char **arguments)
{
    _init();
    for (uintptr_t at = (uintptr_t)&__init_array_start; at < (uintptr_t)&__init_array_end; at += sizeof(void (*)()))
        (*(void (**)(void))at)();
    exit(main(count, arguments, arguments + count + 1));
}

int __libc_start_main(program_main *main, int count, char **arguments, void (*init)(), void (*fini)(), void (*loader)())
{
    void (*volatile next)(program_main *, int, char **) = run; /* nothing of the program before the thread pointer is set */
    (void)init, (void)fini, (void)loader;
    init_libc(arguments + count + 1, arguments[0]);
    next(main, count, arguments);
    return 0;
}
