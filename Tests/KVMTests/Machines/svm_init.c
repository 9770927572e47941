/* The first program of the machine that svm.sh boots: loads KVM, runs the tests, says how they ended, powers off. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void load(const char *path, const char *parameters) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || syscall(SYS_finit_module, file, parameters, 0) != 0) perror(path);
    close(file);
}

static int run(char *const *arguments) {
    pid_t child = fork();
    if (child == 0) {
        execv(arguments[0], arguments);
        perror(arguments[0]);
        _exit(127);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void) {
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sys", "/sys", "sysfs", 0, NULL);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("tmp", "/tmp", "tmpfs", 0, NULL);
    load("/modules/irqbypass.ko", "");
    load("/modules/kvm.ko", "");
    load("/modules/kvm-amd.ko", getenv("npt") ? "npt=0" : "");
    setenv("PATH", "/", 1);
    setenv("HOME", "/tmp", 1);
    setenv("LD_LIBRARY_PATH", "/lib", 1);
    setenv("DANDELION_GUESTS", "/guests", 1);
    setenv("NO_COLOR", "1", 1);
    setenv("SWIFT_BACKTRACE", "enable=no", 1);
    const char *filter = getenv("filter");
    char *arguments[] = {"/test/tests.xctest", "--testing-library", "swift-testing", "--filter",
                         (char *)(filter ? filter : "KVMTests"), NULL};
    printf("svm: tests ended with status %d\n", run(arguments));
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
}
