/* The least that echoing an HTTP body can cost without splice(2): one thread that reads it once into memory which it keeps and
 * writes it once. HTTP/1.1 with Content-Length, one connection at a time. Prints its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *body;
static size_t room;

static int all(int fd, char *data, size_t length, int out) {
    while (length > 0) {
        ssize_t done = out ? write(fd, data, length) : read(fd, data, length);
        if (done <= 0 && !(done < 0 && errno == EINTR)) return -1;
        if (done > 0) data += done, length -= (size_t)done;
    }
    return 0;
}

/* One request; -1 when the connection is over. */
static int answer(int fd) {
    char head[8192];
    size_t have = 0;
    char *end = NULL;
    while (!end) {
        ssize_t got = read(fd, head + have, sizeof head - 1 - have);
        if (got <= 0) return -1;
        have += (size_t)got;
        head[have] = 0;
        end = strstr(head, "\r\n\r\n");
        if (!end && have == sizeof head - 1) return -1;
    }
    const char *field = strcasestr(head, "\r\ncontent-length:");
    size_t length = field ? strtoull(field + 17, NULL, 10) : 0, early = have - (size_t)(end + 4 - head);
    if (length > room) {
        body = realloc(body, length);
        if (!body) return -1;
        room = length;
    }
    memcpy(body, end + 4, early);
    if (all(fd, body + early, length - early, 0) != 0) return -1;
    char reply[128];
    int size = snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);
    return all(fd, reply, (size_t)size, 1) == 0 ? all(fd, body, length, 1) : -1;
}

int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        while (fd >= 0 && answer(fd) == 0) {}
        if (fd >= 0) close(fd);
    }
}
