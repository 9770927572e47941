/* The compiler's process before its program: limits, a file system of its own, another user, no capability, no call that a
 * compiler does not make. It shares memory with the node until it executes, so it makes system calls and nothing else; and
 * no C library function that would speak to the node's other threads, as setuid(3) does. */
#define _GNU_SOURCE
#include "confine.h"
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Of the second Landlock ABI; its last right, to rename between folders, is missing in older headers. */
#define ALL_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 2) - 1)

static void give_up(int output, const char *what) {
    static const char head[] = "error: cannot confine the compiler: ";
    ssize_t told = write(output, head, sizeof head - 1);
    told += write(output, what, strlen(what));
    (void)told;
    _exit(125);
}

static void must(int ok, int output, const char *what) {
    if (!ok) give_up(output, what);
}

/* ---- A file system of its own ---- */

/* Where the new root is made, in the compiler's own folder. Only this process sees what is mounted there, so it does not
 * matter what an earlier compiler left in its place. */
#define ROOT ".root"

/* Makes the folder `path` below the new root, and those on the way; its name there stays in `place`. */
static int make_place(const char *path, char place[PATH_MAX]) {
    size_t length = strlen(path);
    if (length + sizeof ROOT > PATH_MAX) return -1;
    memcpy(place, ROOT, sizeof ROOT - 1);
    memcpy(place + sizeof ROOT - 1, path, length + 1);
    for (char *at = place + sizeof ROOT; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        if (mkdir(place, 0755) != 0 && errno != EEXIST) return -1;
        *at = '/';
    }
    return mkdir(place, 0755) == 0 || errno == EEXIST ? 0 : -1;
}

/* Mounts a folder again with what is not to be possible there. Who has the rights of a namespace of users only cannot allow
 * what the mount did not. */
static int restrict_place(const char *place, unsigned long flags) {
    struct statvfs status;
    if (statvfs(place, &status) != 0) return -1;
    /* ST_RDONLY and the others have the values of their namesakes. */
    flags |= status.f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    return mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | flags, NULL);
}

/* The same folder at the same place in the new root. A link, as /bin is often one, is made again. */
static int show(const char *path, unsigned long flags) {
    char place[PATH_MAX];
    struct stat status;
    if (lstat(path, &status) != 0) return 0; /* what is not there need not be */
    if (S_ISLNK(status.st_mode)) {
        char target[PATH_MAX];
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0 || strlen(path) + sizeof ROOT > sizeof place) return -1;
        target[length] = 0;
        memcpy(place, ROOT, sizeof ROOT - 1);
        memcpy(place + sizeof ROOT - 1, path, strlen(path) + 1);
        return symlink(target, place) == 0 || errno == EEXIST ? 0 : -1;
    }
    if (!S_ISDIR(status.st_mode)) return 0;
    if (make_place(path, place) != 0) return -1;
    if (mount(path, place, NULL, MS_BIND | MS_REC, NULL) != 0) return -1;
    return restrict_place(place, flags);
}

static int show_null(void) {
    char place[PATH_MAX];
    if (make_place("/dev", place) != 0) return -1;
    int fd = open(ROOT "/dev/null", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0) return -1;
    close(fd);
    return mount("/dev/null", ROOT "/dev/null", NULL, MS_BIND, NULL);
}

/* A root that holds the tools to read, and the one folder to write, all at the places where they are. */
static void make_root(const struct rwasm_command *command, int output) {
    char place[PATH_MAX];
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, output, "mounts");
    must(mkdir(ROOT, 0755) == 0 || errno == EEXIST, output, "a new root");
    must(mount("none", ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") == 0, output, "a new root");
    for (const char *const *path = command->readable; *path; path++)
        must(show(*path, MS_RDONLY) == 0, output, *path);
    must(make_place(command->directory, place) == 0 && mount(".", place, NULL, MS_BIND | MS_REC, NULL) == 0, output, "its folder");
    must(restrict_place(place, 0) == 0, output, "its folder");
    must(show_null() == 0, output, "/dev/null");
    must(make_place("/proc", place) == 0, output, "/proc");
    mount("proc", place, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL); /* it does without */
    must(chdir(ROOT) == 0 && syscall(SYS_pivot_root, ".", ".") == 0, output, "the new root");
    must(umount2(".", MNT_DETACH) == 0, output, "the old root");
    must(chdir(command->directory) == 0, output, "its folder");
}

static void allow(int ruleset, const char *path, uint64_t rights) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return; /* what is not there need not be allowed */
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        rule.allowed_access &= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0); /* it is a file */
    }
    close(fd);
}

/* A kernel without the second Landlock ABI (Linux 5.19) does without. */
static void confine_files(const struct rwasm_command *command) {
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2) return;
    struct landlock_ruleset_attr attr = {.handled_access_fs = ALL_RIGHTS};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) return;
    for (const char *const *path = command->readable; *path; path++) allow(ruleset, *path, READ_RIGHTS);
    allow(ruleset, "/proc/self", READ_RIGHTS);
    allow(ruleset, command->directory, ALL_RIGHTS);
    allow(ruleset, "/dev/null", READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE);
    syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
}

/* ---- Rights and limits ---- */

static void put(const char *path, const char *text, int output) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), output, path);
    close(fd);
}

/* In the new namespace of users it is who it was, and nobody else is there. */
static void map_user(const struct confined *self, int output) {
    put("/proc/self/setgroups", "deny", output);
    put("/proc/self/uid_map", self->user_map, output);
    put("/proc/self/gid_map", self->group_map, output);
}

static void drop_rights(const struct rwasm_command *command, int output) {
    for (int capability = 0; capability < 64; capability++) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (command->user != 0) {
        must(syscall(SYS_setgroups, 0, NULL) == 0, output, "its groups");
        must(syscall(SYS_setresgid, command->user, command->user, command->user) == 0, output, "its group");
        must(syscall(SYS_setresuid, command->user, command->user, command->user) == 0, output, "its user");
    }
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    must(syscall(SYS_capset, &head, none) == 0, output, "its capabilities");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, output, "its privileges");
}

static void limit(int resource, uint64_t value) {
    struct rlimit limit = {value, value};
    setrlimit(resource, &limit);
}

/* Resident memory is watched by the parent, since the kernel has no limit of it; reserved memory is far more than that. */
enum { PROCESSES = 512, FILES = 1024, RESERVED = 4 };

static void set_limits(const struct rwasm_command *command) {
    limit(RLIMIT_DATA, command->memory * RESERVED);
    limit(RLIMIT_CPU, command->seconds);
    limit(RLIMIT_FSIZE, 1ull << 30);
    limit(RLIMIT_NOFILE, FILES);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MEMLOCK, 0);
    if (command->user != 0) limit(RLIMIT_NPROC, PROCESSES);
    struct sched_param idle = {0};
    if (command->is_patient) syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &idle);
    else syscall(SYS_setpriority, PRIO_PROCESS, 0, 5);
}

int rwasm_confine(void *argument) {
    const struct confined *self = argument;
    const struct rwasm_command *command = self->command;
    int output = 2;
    setpgid(0, 0);
    dup2(self->output, 1);
    dup2(self->output, 2);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, 0);
    syscall(SYS_close_range, 3, ~0u, 0); /* of this process's table, not of the node's; Linux 5.9 */
    set_limits(command);
    must(chdir(command->directory) == 0, output, "its folder");
    if (self->user_map[0]) map_user(self, output);
    if (command->is_confined && command->is_apart) make_root(command, output);
    if (command->is_confined) drop_rights(command, output);
    /* After the change of the user, which would take it back. In a namespace of its own there is no parent to see. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (!(command->is_confined && command->is_apart) && getppid() != self->parent) _exit(125);
    if (command->is_confined) {
        confine_files(command);
        must(rwasm_filter_apply() == 0, output, "its system calls");
    }
    sigset_t none;
    sigemptyset(&none);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
    execve(command->arguments[0], (char *const *)command->arguments, (char *const *)command->environment);
    give_up(output, strerror(errno));
    return 127;
}
