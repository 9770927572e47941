/* File names of every byte that a name may have, and folders as deep as paths go and deeper. */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH 1500

static void put(const char *name) {
    int file = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
    CHECK(file >= 0 && write(file, name, strlen(name)) == (ssize_t)strlen(name) && close(file) == 0);
}

/* "." as the only byte is no new name; the rest of each name tells them apart. */
static void every_byte(void) {
    char name[8];
    int found = 0;
    CHECK(chdir("/out") == 0);
    for (int byte = 1; byte < 256; byte++) {
        if (byte == '/') continue;
        snprintf(name, sizeof name, "%c%d", byte, byte);
        put(name);
    }
    DIR *directory = opendir(".");
    for (struct dirent *entry; (entry = readdir(directory));) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        CHECK(stat(entry->d_name, &status) == 0 && status.st_size == (off_t)strlen(entry->d_name));
        CHECK(atoi(entry->d_name + 1) == (unsigned char)entry->d_name[0]);
        found++;
    }
    CHECK(closedir(directory) == 0 && found == 254);
}

/* Relative steps lead below what one path can name. */
static void deep_folders(void) {
    CHECK(mkdir("/out/deep", 0755) == 0 && chdir("/out/deep") == 0);
    for (int i = 0; i < 100; i++) CHECK(mkdir("d", 0755) == 0 && chdir("d") == 0);
    put("bottom");
    CHECK(chdir("/tmp") == 0);
    for (int i = 0; i < DEPTH; i++) CHECK(mkdir("down here", 0755) == 0 && chdir("down here") == 0);
    put("bottom");
    CHECK(getcwd(NULL, 0) == NULL && errno == ENAMETOOLONG);
    CHECK(unlink("bottom") == 0);
    for (int i = 0; i < DEPTH; i++) CHECK(chdir("..") == 0 && rmdir("down here") == 0);
}

int main(void) {
    every_byte();
    deep_folders();
    puts("all good");
    return 0;
}
