/* What programs expect to find beside their sets: devices, /proc, a user, an environment, a working folder; and clocks. */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void devices(void) {
    char text[8] = "";
    FILE *out = fopen("/dev/stdout", "w"), *err = fopen("/dev/fd/2", "a"), *in = fopen("/dev/stdin", "r");
    CHECK(out && err && in && fputs("by device\n", out) >= 0 && fclose(out) == 0 && fputs("error\n", err) >= 0);
    CHECK(fclose(err) == 0 && fgets(text, 8, in) && strcmp(text, "input\n") == 0 && fclose(in) == 0);
    REFUSED(EACCES, open("/dev/stdin", O_WRONLY));
    REFUSED(ENOENT, open("/dev/fd/77", O_RDONLY));
    REFUSED(ENXIO, open("/dev/tty", O_RDWR));
    int full = open("/dev/full", O_RDWR);
    CHECK(full >= 0 && read(full, text, 8) == 8 && text[0] == 0);
    REFUSED(ENOSPC, (int)write(full, "x", 1));
    /* As many names as there are open descriptors, the folder's own among them. */
    DIR *open_ones = opendir("/proc/self/fd");
    int names = 0;
    while (readdir(open_ones)) names++;
    CHECK(names == 2 + 5 && closedir(open_ones) == 0 && close(full) == 0);
}

/* Where a collector looks for pointers, as glibc's programs have it. */
extern char __data_start[], data_start[], _end[];
static int variable = 1, empty;

/* Programs take it apart where it lies, and put it together again. */
static void environment(void) {
    extern char **environ;
    for (char **variable = environ; *variable; variable++) {
        char *equals = strchr(*variable, '=');
        CHECK(equals);
        *equals = 0;
        CHECK(strlen(*variable) > 0);
        *equals = '=';
    }
    CHECK(getenv("HOME") && getenv("TMPDIR"));
}

static void data(void) {
    CHECK(__data_start == data_start && __data_start <= (char *)&variable && (char *)&variable < _end);
    CHECK(__data_start <= (char *)&empty && (char *)&empty < _end);
}

static char *line_of(const char *path, const char *begin) {
    static char line[512];
    FILE *file = fopen(path, "r");
    CHECK(file);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, begin, strlen(begin)) != 0) continue;
        fclose(file);
        return line + strlen(begin);
    }
    fclose(file);
    return NULL;
}

static void process(void) {
    char path[64] = "", *maps;
    unsigned long low, high, here = (unsigned long)path, code = (unsigned long)process;
    int found = 0;
    CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0 && path[0] == '/');
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file);
    char line[512], rights[5];
    while ((maps = fgets(line, sizeof line, file))) {
        CHECK(sscanf(maps, "%lx-%lx %4s", &low, &high, rights) == 3 && low < high);
        if (low <= here && here < high) found |= strcmp(rights, "rw-p") == 0 ? 1 : 8;
        if (low <= code && code < high) found |= rights[2] == 'x' ? 2 : 8;
    }
    CHECK(fclose(file) == 0 && found == 3);
    CHECK(atoi(line_of("/proc/self/status", "Threads:")) == 1 && atol(line_of("/proc/meminfo", "MemTotal:")) > 1000);
    CHECK(line_of("/proc/cpuinfo", "processor") && strtod(line_of("/proc/uptime", ""), NULL) >= 1);
    CHECK(strncmp(line_of("/proc/self/stat", "1 ("), "program", 7) == 0);
}

static void user(void) {
    struct passwd *one = getpwuid(0);
    CHECK(one && strcmp(one->pw_name, "root") == 0 && getgrgid(0) && getpwnam("root"));
    CHECK(strcmp(getenv("HOME"), "/tmp") == 0 && getenv("PATH") && getenv("TMPDIR") && strcmp(getenv("OWN"), "value") == 0);
    char folder[64];
    CHECK(getcwd(folder, sizeof folder) && strcmp(folder, "/job/here") == 0 && strcmp(getenv("PWD"), folder) == 0);
}

static void clocks(void) {
    struct timespec first, second;
    struct rusage usage;
    clock_t begin = clock();
    volatile unsigned long sum = 0;
    for (unsigned long i = 0; i < 20000000; i++) sum += i;
    /* What was computed took time of the processor, and none of the function's. */
    CHECK(clock() > begin && getrusage(RUSAGE_SELF, &usage) == 0);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 100);
    clock_gettime(CLOCK_MONOTONIC, &first);
    for (unsigned long i = 0; i < 20000000; i++) sum += i;
    clock_gettime(CLOCK_MONOTONIC, &second);
    CHECK(second.tv_sec == first.tv_sec && second.tv_nsec - first.tv_nsec == 1);
    /* And who only waits for a time gets there. */
    time_t until = time(NULL) + 3;
    do clock_gettime(CLOCK_REALTIME, &second);
    while (second.tv_sec < until);
}

/* What only the owner of a machine may do is refused, and links are not followed where nobody wants it. */
static void limits_of_a_user(void) {
    struct timespec time = {0, 0};
    cpu_set_t processors;
    REFUSED(EPERM, clock_settime(CLOCK_REALTIME, &time));
    REFUSED(EPERM, sethostname("other", 5));
    REFUSED(EPERM, chroot("/tmp"));
    CHECK(symlink("/nonexistent", "/tmp/dangling") == 0 && lchown("/tmp/dangling", 1, 1) == 0);
    REFUSED(ENOENT, chown("/tmp/dangling", 1, 1));
    CHECK(sched_getaffinity(0, sizeof processors, &processors) == 0 && CPU_COUNT(&processors) == 1);
    REFUSED(ESRCH, sched_getaffinity(999, sizeof processors, &processors));
    CHECK(unlink("/tmp/dangling") == 0);
}

int main(void) {
    devices();
    data();
    environment();
    process();
    user();
    limits_of_a_user();
    clocks();
    puts("all good");
    return 0;
}
