/* Many files, and more than fits: 100,000 outputs, then a file that grows until the context is full, then memory. */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 100000

int main(void) {
    char path[64];
    struct stat status;
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "/out/%d", i);
        int file = open(path, O_CREAT | O_WRONLY | O_EXCL, 0644);
        CHECK(file >= 0 && write(file, path + 5, strlen(path + 5)) > 0 && close(file) == 0);
    }
    for (int i = FILES - 1; i >= 0; i--) {
        snprintf(path, sizeof path, "/out/%d", i);
        CHECK(stat(path, &status) == 0 && status.st_size == (off_t)strlen(path + 5));
    }
    static char block[65536];
    int file = open("/tmp/large", O_CREAT | O_WRONLY, 0644);
    ssize_t written;
    while ((written = write(file, block, sizeof block)) == (ssize_t)sizeof block) continue;
    CHECK(written == -1 && errno == ENOSPC && unlink("/tmp/large") == 0 && close(file) == 0);
    void *last = NULL;
    for (void **more; (more = malloc(1 << 16)); last = more) *more = last;
    CHECK(errno == ENOMEM);
    for (void **next; last; last = next) next = *(void **)last, free(last);
    puts("all good");
    return 0;
}
