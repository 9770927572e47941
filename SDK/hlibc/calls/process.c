/* The process, and the machine it believes to be on. */
#include "calls.h"
#include "thread.h"
#include <dandelion/function.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

long hl_nothing(void) { return 0; }

/* What only the owner of a machine may do. */
long hl_forbidden(void) { return -EPERM; }

long hl_getpid(void) { return 1; }

long hl_exit(long code) { hl_leave((int)code & 255); }

static void say(const char *text) { hl_write(STDERR_FILENO, (long)text, (long)strlen(text)); }

void hl_die(const char *message, const char *more, int code) {
    say("hlibc: the function ");
    say(message);
    say(more);
    say("\n");
    hl_leave(code);
}

/* The system call gives 20 - nice value. */
long hl_getpriority(void) { return 20; }

long hl_getcpu(long processor, long node) {
    if (processor) *(unsigned *)processor = 0;
    if (node) *(unsigned *)node = 0;
    return 0;
}

long hl_sched_getaffinity(long process, long size, long to) {
    if (process != 0 && !hl_thread_numbered(process)) return -ESRCH;
    if (size < 8) return -EINVAL;
    memset((void *)to, 0, (size_t)size);
    *(unsigned char *)to = 1;
    return 8;
}

static rlim_t stack_size(void) {
    char *low, *high;
    hl_stack_bounds(&low, &high);
    return (rlim_t)(high - low);
}

static int limit(long resource, struct rlimit *to) {
    rlim_t value = resource == RLIMIT_NOFILE ? HL_DESCRIPTORS
                 : resource == RLIMIT_STACK  ? stack_size()
                 : resource == RLIMIT_CORE   ? 0
                                             : RLIM_INFINITY;
    *to = (struct rlimit){value, value};
    return 0;
}

/* Limits can be asked for; setting them changes nothing. */
long hl_prlimit(long process, long resource, long new_limit, long old_limit) {
    (void)new_limit;
    if (process != 0 && process != 1) return -ESRCH;
    if (resource < 0 || resource >= RLIM_NLIMITS) return -EINVAL;
    return old_limit ? limit(resource, (struct rlimit *)old_limit) : 0;
}

long hl_getrlimit(long resource, long to) { return hl_prlimit(0, resource, 0, to); }

long hl_uname(long to) {
    struct utsname *name = (struct utsname *)to;
    memset(name, 0, sizeof *name);
    strcpy(name->sysname, "Linux");
    strcpy(name->nodename, "dandelion");
    strcpy(name->release, "6.0.0-hlibc");
    strcpy(name->version, "#1");
#if defined(__x86_64__)
    strcpy(name->machine, "x86_64");
#else
    strcpy(name->machine, "aarch64");
#endif
    return 0;
}

long hl_sysinfo(long to) {
    struct sysinfo *info = (struct sysinfo *)to;
    memset(info, 0, sizeof *info);
    info->uptime = 1 + (long)(hl_elapsed() / HL_SECOND);
    info->totalram = hl_pages_total();
    info->freeram = hl_pages_free();
    info->procs = (unsigned short)hl_thread_count;
    info->mem_unit = HL_PAGE;
    return 0;
}

long hl_getrandom(long buffer, long count) {
    hl_random((void *)buffer, (size_t)count);
    return count;
}
