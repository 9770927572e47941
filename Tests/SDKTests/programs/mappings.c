/* Mapped files that are written to, reserved addresses, and the stack. The argument is the stack's size in MiB. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void shared_file(void) {
    char text[8] = "";
    int file = open("/out/mapped", O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0 && write(file, "before", 6) == 6 && ftruncate(file, 32768) == 0);
    char *first = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *second = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 4096);
    CHECK(first != MAP_FAILED && second != MAP_FAILED && memcmp(first, "before", 6) == 0);
    memcpy(first + 4096, "hello", 5);
    CHECK(msync(first, 32768, MS_SYNC) == 0 && pread(file, text, 5, 4096) == 5 && strcmp(text, "hello") == 0);
    CHECK(memcmp(second, "hello", 5) == 0 && pwrite(file, "there", 5, 4096) == 5 && memcmp(first + 4096, "there", 5) == 0);
    /* The file grows under its mappings, as an index of a database does. */
    for (int i = 1; i < 8; i++) {
        CHECK(ftruncate(file, 32768 * (i + 1)) == 0);
        char *more = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_SHARED, file, 32768 * i);
        CHECK(more != MAP_FAILED && more[0] == 0);
        more[0] = (char)i;
        CHECK(pread(file, text, 1, 32768 * i) == 1 && text[0] == i && munmap(more, 32768) == 0);
    }
    CHECK(close(file) == 0 && first[0] == 'b' && munmap(first, 4096) == 0 && munmap(first + 4096, 28672) == 0);
    CHECK(munmap(second, 4096) == 0 && truncate("/out/mapped", 4101) == 0);
    file = open("/out/mapped", O_RDONLY);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED && errno == EACCES);
    CHECK((first = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0)) != MAP_FAILED);
    first[0] = 'x';
    CHECK(pread(file, text, 1, 0) == 1 && text[0] == 'b' && close(file) == 0 && munmap(first, 4096) == 0);
}

static void reservations(void) {
    const size_t mebibyte = 1 << 20;
    char *huge = mmap(NULL, mebibyte << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(huge != MAP_FAILED && mprotect(huge, mebibyte, PROT_READ | PROT_WRITE) == 0);
    for (size_t i = 0; i < mebibyte; i++) CHECK(huge[i] == 0);
    memset(huge, 1, mebibyte);
    CHECK(mprotect(huge, 2 * mebibyte, PROT_READ | PROT_WRITE) == 0 && huge[mebibyte - 1] == 1 && huge[mebibyte] == 0);
    CHECK(madvise(huge, mebibyte, MADV_DONTNEED) == 0 && huge[0] == 0);
    REFUSED(ENOMEM, mprotect(huge + (mebibyte << 15), mebibyte, PROT_READ | PROT_WRITE));
    CHECK(mmap(huge, mebibyte, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == huge);
    CHECK(mmap(huge, mebibyte, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == huge && huge[5] == 0);
    CHECK(munmap(huge, mebibyte << 16) == 0);
    REFUSED(EPERM, (int)(long)mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(mmap(NULL, (size_t)1 << 50, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
}

static int deep(int frames) {
    volatile char room[16384];
    room[0] = room[16383] = (char)frames;
    return frames == 0 ? 0 : deep(frames - 1) + 1 + room[0] * 0;
}

static void stack(int mebibytes) {
    struct rlimit limit;
    pthread_attr_t attributes;
    void *low;
    size_t size;
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0 && pthread_getattr_np(pthread_self(), &attributes) == 0);
    CHECK(pthread_attr_getstack(&attributes, &low, &size) == 0 && size == limit.rlim_cur);
    CHECK((char *)&low > (char *)low && (char *)&low < (char *)low + size && size >= (size_t)mebibytes << 20);
    CHECK(deep(mebibytes * 64 - 16) == mebibytes * 64 - 16);
}

int main(int count, char **arguments) {
    shared_file();
    reservations();
    stack(count > 1 ? atoi(arguments[1]) : 7);
    puts("all good");
    return 0;
}
