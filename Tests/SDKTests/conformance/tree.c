/* Random operations on a small tree of files, each with what it gave. The same seed must give the same text everywhere.
 * Usage: tree SEED OPERATIONS DIRECTORY, which is empty. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

static uint64_t state;

static unsigned draw(unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

/* Below the directory that the program works in, so that nothing outside matters. */
static const char *draw_path(char *path) {
    static const char *const names[] = {"a", "b", "c", "d", "with blank", "\xc3\xa9", "\xff\x01*", ".", "x/.."};
    unsigned parts = 1 + draw(4);
    *path = 0;
    for (unsigned i = 0; i < parts; i++) {
        if (i > 0) strcat(path, draw(9) ? "/" : "//");
        strcat(path, names[draw(draw(5) ? 4 : 9)]);
    }
    if (draw(15) == 0) strcat(path, "/");
    return path;
}

static void told(const char *what, long result) {
    printf("%s %ld %d\n", what, result, result < 0 ? errno : 0);
}

static uint32_t checksum(const char *bytes, size_t length) {
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < length; i++) sum = (sum ^ (unsigned char)bytes[i]) * 16777619u;
    return sum;
}

static void tell_status(const char *path, int flags) {
    struct stat status;
    int result = fstatat(AT_FDCWD, path, &status, flags);
    told("stat", result);
    if (result != 0) return;
    printf(" mode %o", status.st_mode);
    if (!S_ISDIR(status.st_mode)) printf(" links %lu size %ld", (unsigned long)status.st_nlink, (long)status.st_size);
    printf(" times %d\n", status.st_mtime > 1000000000);
}

static void use_file(const char *path) {
    static const int flags[] = {O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL, O_WRONLY | O_CREAT | O_TRUNC, O_RDONLY,
        O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW, O_RDWR | O_CREAT | O_APPEND, O_PATH};
    char data[3000];
    struct stat status;
    int flag = flags[draw(9)], file = open(path, flag, 0640);
    told("open", file < 0 ? file : 0);
    if (file < 0) return;
    /* Positions in directories are a file system's own. */
    bool directory = fstat(file, &status) == 0 && S_ISDIR(status.st_mode);
    for (unsigned i = 0, steps = draw(5); i < steps; i++) {
        size_t length = draw(sizeof data);
        off_t offset = draw(5000);
        memset(data, (int)draw(256), sizeof data);
        struct iovec parts[2] = {{data, length / 2}, {data + 7, length / 3}};
        ssize_t got;
        switch (draw(8)) {
        case 0: told("write", write(file, data, length)); break;
        case 1:
            /* Whether a position counts when everything is appended is where C libraries differ. */
            if (flag & O_APPEND) break;
            told("pwrite", pwrite(file, data, length, offset));
            break;
        case 2: told("writev", writev(file, parts, 2)); break;
        case 3:
            got = pread(file, data, length, offset);
            told("pread", got);
            if (got > 0) printf(" %08x\n", checksum(data, (size_t)got));
            break;
        case 4:
            got = read(file, data, length);
            told("read", got);
            if (got > 0) printf(" %08x\n", checksum(data, (size_t)got));
            break;
        case 5:
            if (directory) break;
            told("lseek", lseek(file, (off_t)offset - 500, (int)draw(3)));
            break;
        case 6: told("ftruncate", ftruncate(file, offset)); break;
        default:
            /* ... and whether a descriptor that only names a file will do. */
            if (!(flag & O_PATH)) told("fchmod", fchmod(file, 0600 | draw(0200)));
            break;
        }
    }
    told("close", close(file));
}

static int by_name(const void *left, const void *right) { return strcmp(*(char *const *)left, *(char *const *)right); }

/* The entries sorted: their order is a file system's own. */
static void tell_entries(const char *path) {
    char *names[64];
    int count = 0;
    DIR *directory = opendir(path);
    told("opendir", directory ? 0 : -1);
    if (!directory) return;
    for (struct dirent *entry; (entry = readdir(directory)) && count < 64;) {
        names[count] = malloc(strlen(entry->d_name) + 8);
        sprintf(names[count++], "%s:%d", entry->d_name, entry->d_type);
    }
    told("closedir", closedir(directory));
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) printf(" %s", names[i]), free(names[i]);
    puts("");
}

static void rename_with_flags(const char *path, const char *other) {
    told("renameat2", syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, RENAME_NOREPLACE));
}

static void step(void) {
    char path[300], other[300], target[300];
    draw_path(path);
    draw_path(other);
    printf("%s | %s: ", path, other);
    switch (draw(17)) {
    case 0: told("mkdir", mkdir(path, 0750)); break;
    case 1: told("rmdir", rmdir(path)); break;
    case 2: told("unlink", unlink(path)); break;
    case 3: told("rename", rename(path, other)); break;
    case 4: rename_with_flags(path, other); break;
    case 5: told("link", link(path, other)); break;
    case 6:
        /* Creating a file through a link to "name/" is refused by other errors. */
        while (*other && other[strlen(other) - 1] == '/') other[strlen(other) - 1] = 0;
        told("symlink", symlink(other, path));
        break;
    case 7: told("truncate", truncate(path, draw(9000))); break;
    case 8: told("readlink", readlink(path, target, sizeof target)); break;
    case 9: tell_status(path, 0); break;
    case 10: tell_status(path, AT_SYMLINK_NOFOLLOW); break;
    case 11: told("access", access(path, (int)draw(4) & (R_OK | W_OK))); break;
    case 12: told("chmod", chmod(path, 0700 | draw(0100))); break;
    case 13: tell_entries(path); break;
    default: use_file(path); break;
    }
}

int main(int count, char **arguments) {
    if (count != 4 || chdir(arguments[3]) != 0) return 2;
    state = strtoull(arguments[1], NULL, 10);
    umask(022);
    chmod(".", 0755);
    for (long operation = 0, operations = strtol(arguments[2], NULL, 10); operation < operations; operation++) {
        printf("%ld ", operation);
        step();
    }
    tell_entries(".");
    return 0;
}
