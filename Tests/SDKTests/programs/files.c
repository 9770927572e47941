/* Files and directories of a function, errors included. Inputs: in/plain "hello", in/deep/er/item "nested" key 7,
 * in/same twice, stdio/argv, stdio/environ, stdio/stdin. */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static const char *text_of(const char *path) {
    static char text[4096];
    FILE *file = fopen(path, "r");
    CHECK(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = 0;
    fclose(file);
    return text;
}

static int names_in(const char *path, const char *wanted) {
    DIR *directory = opendir(path);
    int found = 0;
    CHECK(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (!wanted || strcmp(entry->d_name, wanted) == 0) found++;
    closedir(directory);
    return found;
}

static void inputs(void) {
    struct stat status;
    CHECK(strcmp(text_of("/in/plain"), "hello") == 0);
    CHECK(strcmp(text_of("/in/deep/er/item"), "nested") == 0);
    CHECK(stat("/in/deep", &status) == 0 && S_ISDIR(status.st_mode));
    CHECK(stat("in/plain", &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 5);
    CHECK(names_in("/in", NULL) == 6 && names_in("/in", "same") == 1 && names_in("/in", "same~3") == 1);
    CHECK(strcmp(text_of("/in/same"), "first") == 0 && strcmp(text_of("/in/same~3"), "second") == 0);
    char key[16];
#ifndef KEYLESS /* where the input comes from a disk that may not keep keys */
    CHECK(getxattr("/in/deep/er/item", "user.dandelion.key", key, sizeof key) == 1 && key[0] == '7');
#endif
    REFUSED(EOPNOTSUPP, setxattr("/out", "user.dandelion.key", "1", 1, 0));
    REFUSED(ENODATA, getxattr("/in/plain", "user.other", key, sizeof key));
}

static void writing_an_input_copies_it(void) {
    int file = open("/in/plain", O_RDWR);
    CHECK(file >= 0 && pwrite(file, "J", 1, 0) == 1 && ftruncate(file, 7) == 0 && close(file) == 0);
    CHECK(memcmp(text_of("/in/plain"), "Jello\0", 7) == 0);
}

static void descriptors(void) {
    char buffer[8] = "";
    int file = open("/tmp/d", O_CREAT | O_RDWR | O_EXCL, 0600);
    CHECK(file == 3 && write(file, "abcdef", 6) == 6);
    REFUSED(EEXIST, open("/tmp/d", O_CREAT | O_EXCL | O_RDWR, 0600));
    int copy = dup(file);
    CHECK(lseek(copy, 2, SEEK_SET) == 2 && read(file, buffer, 2) == 2 && memcmp(buffer, "cd", 2) == 0);
    CHECK(dup2(file, 40) == 40 && fcntl(40, F_GETFD) == 0 && fcntl(file, F_DUPFD_CLOEXEC, 10) == 10);
    CHECK(fcntl(10, F_GETFD) == FD_CLOEXEC && close(40) == 0 && close(10) == 0);
    REFUSED(EBADF, write(40, "", 1));
    REFUSED(EINVAL, lseek(file, -1, SEEK_SET));
    CHECK(lseek(file, 10, SEEK_SET) == 10 && write(file, "z", 1) == 1 && pread(file, buffer, 8, 5) == 6);
    CHECK(memcmp(buffer, "f\0\0\0\0z", 6) == 0);
    /* Unlinked while it is open, a file lives on. */
    CHECK(unlink("/tmp/d") == 0 && access("/tmp/d", F_OK) == -1 && pread(file, buffer, 1, 0) == 1 && buffer[0] == 'a');
    CHECK(close(file) == 0 && close(copy) == 0);
    int append = open("/tmp/a", O_CREAT | O_WRONLY | O_APPEND, 0600);
    CHECK(write(append, "12", 2) == 2 && lseek(append, 0, SEEK_SET) == 0 && write(append, "3", 1) == 1);
    REFUSED(EBADF, read(append, buffer, 1));
    CHECK(close(append) == 0 && strcmp(text_of("/tmp/a"), "123") == 0);
    REFUSED(EISDIR, open("/tmp", O_WRONLY));
    REFUSED(ENOTDIR, open("/tmp/a/b", O_RDONLY));
    REFUSED(ENOTDIR, open("/tmp/a/", O_RDONLY));
    REFUSED(ENOTDIR, open("/tmp/a", O_DIRECTORY));
}

static void directories(void) {
    char path[4200], buffer[64];
    CHECK(mkdir("/tmp/dir", 0755) == 0 && chdir("/tmp/dir") == 0);
    CHECK(strcmp(getcwd(buffer, sizeof buffer), "/tmp/dir") == 0);
    write_text("f", "x");
    CHECK(access("../dir/./f", R_OK) == 0);
    REFUSED(EEXIST, mkdir("/tmp/dir", 0755));
    REFUSED(ENOENT, mkdir("/tmp/none/dir", 0755));
    REFUSED(ENOTEMPTY, rmdir("/tmp/dir"));
    REFUSED(EISDIR, unlink("/tmp/dir"));
    REFUSED(ENOTDIR, rmdir("/tmp/dir/f"));
    REFUSED(EBUSY, rmdir("/out"));
    REFUSED(EBUSY, rename("/out", "/tmp/out"));
    REFUSED(EINVAL, rename("/tmp/dir", "/tmp/dir/below"));
    CHECK(mkdir("/tmp/dir/empty", 0755) == 0 && mkdir("/tmp/other", 0755) == 0);
    REFUSED(EISDIR, rename("/tmp/dir/f", "/tmp/other"));
    REFUSED(ENOTEMPTY, rename("/tmp/other", "/tmp/dir"));
    CHECK(rename("/tmp/dir/empty", "/tmp/other") == 0 && access("/tmp/dir/empty", F_OK) == -1);
    CHECK(rename("f", "/tmp/other/g") == 0 && strcmp(text_of("/tmp/other/g"), "x") == 0);
    CHECK(chdir("/") == 0 && rmdir("/tmp/dir") == 0);
    memset(path, 'n', sizeof path);
    path[255] = 0;
    CHECK(chdir("/tmp") == 0 && mkdir(path, 0755) == 0 && rmdir(path) == 0);
    path[255] = 'n', path[256] = 0;
    REFUSED(ENAMETOOLONG, mkdir(path, 0755));
    path[256] = 'n', path[4199] = 0;
    REFUSED(ENAMETOOLONG, access(path, F_OK));
    REFUSED(ENOENT, access("", F_OK));
    CHECK(chdir("/") == 0);
}

static void links(void) {
    struct stat status, other;
    char target[16];
    write_text("/tmp/one", "1");
    CHECK(link("/tmp/one", "/tmp/two") == 0 && stat("/tmp/two", &status) == 0 && status.st_nlink == 2);
    CHECK(stat("/tmp/one", &other) == 0 && other.st_ino == status.st_ino && unlink("/tmp/one") == 0);
    CHECK(strcmp(text_of("/tmp/two"), "1") == 0);
    REFUSED(EPERM, link("/tmp", "/tmp/hard"));
    CHECK(symlink("two", "/tmp/soft") == 0 && strcmp(text_of("/tmp/soft"), "1") == 0);
    CHECK(lstat("/tmp/soft", &status) == 0 && S_ISLNK(status.st_mode) && status.st_size == 3);
    CHECK(readlink("/tmp/soft", target, sizeof target) == 3 && memcmp(target, "two", 3) == 0);
    CHECK(symlink("/tmp", "/tmp/up") == 0 && strcmp(text_of("/tmp/up/up/two"), "1") == 0);
    CHECK(symlink("loop", "/tmp/loop") == 0);
    REFUSED(ELOOP, open("/tmp/loop", O_RDONLY));
    REFUSED(ELOOP, open("/tmp/soft", O_RDONLY | O_NOFOLLOW));
    CHECK(symlink("made", "/tmp/dangling") == 0);
    write_text("/tmp/dangling", "through a link");
    CHECK(strcmp(text_of("/tmp/made"), "through a link") == 0);
}

static void status(void) {
    struct stat status;
    struct timespec times[2] = {{.tv_sec = 5, .tv_nsec = 6}, {.tv_sec = -7, .tv_nsec = 8}};
    write_text("/tmp/s", "");
    CHECK(stat("/tmp/s", &status) == 0 && (status.st_mode & 07777) == 0644 && status.st_size == 0);
    CHECK(chmod("/tmp/s", 0400) == 0 && stat("/tmp/s", &status) == 0 && (status.st_mode & 07777) == 0400);
    CHECK(utimensat(AT_FDCWD, "/tmp/s", times, 0) == 0 && stat("/tmp/s", &status) == 0);
    CHECK(status.st_atim.tv_sec == 5 && status.st_atim.tv_nsec == 6);
    CHECK(status.st_mtim.tv_sec == -7 && status.st_mtim.tv_nsec == 8);
    CHECK(truncate("/tmp/s", 1000) == 0 && stat("/tmp/s", &status) == 0 && status.st_size == 1000);
    REFUSED(ENOENT, truncate("/tmp/none", 0));
    struct flock lock = {.l_type = F_WRLCK};
    int file = open("/tmp/s", O_RDWR);
    CHECK(fcntl(file, F_SETLK, &lock) == 0 && fcntl(file, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK);
    CHECK(fsync(file) == 0 && close(file) == 0);
}

/* What the test looks for afterwards. */
static void outputs(void) {
    write_text("/out/first", "one");
    CHECK(mkdir("/out/a", 0777) == 0 && mkdir("/out/a/b", 0777) == 0 && mkdir("/out/void", 0777) == 0);
    write_text("/out/a/b/c", "deep");
#ifndef KEYLESS
    CHECK(setxattr("/out/a/b/c", "user.dandelion.key", "4294967295", 10, 0) == 0);
#endif
    REFUSED(EINVAL, setxattr("/out/first", "user.dandelion.key", "4294967296", 10, 0));
    write_text("/out/gone", "");
    CHECK(unlink("/out/gone") == 0);
    CHECK(rename("/in/deep/er/item", "/out/moved") == 0);
    CHECK(symlink("first", "/out/again") == 0 && symlink("nothing", "/out/dangling") == 0);
}

int main(int count, char **arguments) {
    CHECK(count == 3 && strstr(arguments[0], "files") && strcmp(arguments[2], "two words") == 0);
    CHECK(strcmp(getenv("HOME"), "/tmp") == 0 && strcmp(getenv("EMPTY"), "") == 0 && !getenv("NONE"));
    char line[32];
    CHECK(fgets(line, sizeof line, stdin) && strcmp(line, "from stdin\n") == 0 && !fgets(line, sizeof line, stdin));
    inputs();
    writing_an_input_copies_it();
    descriptors();
    directories();
    links();
    status();
    outputs();
    puts("all good");
    return 42;
}
