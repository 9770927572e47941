/* Says that it is reloadable, and refuses to start while another copy of its file runs: both want one socket. */
#include <stdio.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
static int take(void) {
    static int taken;
    if (taken) return 0;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, 40, "one_generation-%d", getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    taken = bind(fd, (struct sockaddr *)&name, offsetof(struct sockaddr_un, sun_path) + 1 + length) == 0;
    return taken ? 0 : -1;
}
#define DESCRIPTOR .flags = DN_PLUGIN_RELOADABLE
#define START if (take() != 0) return DN_FAILED
#include "echo.h"
