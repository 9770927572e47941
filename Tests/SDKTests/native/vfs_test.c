/* Does the same random operations in the SDK's file system and in a real directory, and compares every result, error
 * and, at times, the whole trees. Usage: vfs_test SEED OPERATIONS, in an empty directory. */
#include "../../../SDK/hlibc/calls/calls.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t state;
static long operation;

static unsigned draw(unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

/* A path of few names, so that operations meet; with ".", "..", doubled and trailing slashes. */
static void draw_path(char *path) {
    static const char *const names[] = {"a", "b", "c", "d", "long name of a file", "\xff\x01*", ".", "..", "e/..", ""};
    unsigned parts = 1 + draw(4);
    *path = 0;
    for (unsigned i = 0; i < parts; i++) {
        const char *name = names[draw(draw(4) ? 6 : 10)];
        /* Above the test's directory the two differ. */
        if (strcmp(name, "..") == 0 && i < 2) name = "d";
        if (i > 0) strcat(path, "/");
        strcat(path, i == 0 && !*name ? "a" : name);
    }
    if (draw(12) == 0) strcat(path, "/");
}

static void differ(const char *what, const char *path, const char *other, long ours, long theirs) {
    fprintf(stderr, "operation %ld: %s(\"%s\", \"%s\"): %ld (%s), a real one gives %ld (%s)\n", operation, what, path,
        other, ours, ours < 0 ? strerror((int)-ours) : "", theirs, theirs < 0 ? strerror((int)-theirs) : "");
    exit(1);
}

static long real(long result) { return result < 0 ? -errno : result; }

#define BOTH(what, ours, theirs)                                                    \
    do {                                                                            \
        long first_result = (ours), second_result = real(theirs);                                  \
        if (first_result != second_result) differ(what, path, second, first_result, second_result); \
    } while (0)

static void write_and_read(const char *path, const char *second, int flags) {
    char data[3000], back[2][3000];
    long mine = hl_open((long)path, flags, 0644), other = real(open(path, flags, 0644));
    if ((mine < 0 || other < 0) ? mine != other : 0) differ("open", path, second, mine, other);
    if (mine < 0) return;
    long offset = draw(5000), length = draw(sizeof data);
    memset(data, (int)draw(256), sizeof data);
    BOTH("pwrite", hl_pwrite(mine, (long)data, length, offset), pwrite((int)other, data, (size_t)length, offset));
    if (draw(2)) BOTH("ftruncate", hl_ftruncate(mine, length), ftruncate((int)other, length));
    if (flags & O_RDWR) BOTH("lseek", hl_lseek(mine, 0, SEEK_END), lseek((int)other, 0, SEEK_END));
    offset = draw(5000);
    long got = hl_pread(mine, (long)back[0], sizeof data, offset);
    BOTH("pread", got, pread((int)other, back[1], sizeof data, offset));
    if (got > 0 && memcmp(back[0], back[1], (size_t)got) != 0) differ("pread's data", path, second, 0, 0);
    hl_close(mine);
    close((int)other);
}

static void step(void) {
    static const int flags[] = {O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_CREAT | O_TRUNC, O_RDONLY,
        O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW};
    char path[200], second[200], target[2][200];
    draw_path(path);
    draw_path(second);
    long size = draw(9000);
    switch (draw(10)) {
    case 0: BOTH("mkdir", hl_mkdir((long)path, 0755), mkdir(path, 0755)); break;
    case 1: BOTH("rmdir", hl_rmdir((long)path), rmdir(path)); break;
    case 2: BOTH("unlink", hl_unlink_path((long)path), unlink(path)); break;
    case 3: BOTH("rename", hl_rename_path((long)path, (long)second), rename(path, second)); break;
    case 4: BOTH("link", hl_link_path((long)path, (long)second), link(path, second)); break;
    case 5:
        /* Creating a file through a link to "name/" is refused by other errors. */
        while (*second && second[strlen(second) - 1] == '/') second[strlen(second) - 1] = 0;
        BOTH("symlink", hl_symlink_path((long)second, (long)path), symlink(second, path));
        break;
    case 6: BOTH("truncate", hl_truncate((long)path, size), truncate(path, size)); break;
    case 7:
        BOTH("readlink", hl_readlink_path((long)path, (long)target[0], 200), readlink(path, target[1], 200));
        break;
    default: write_and_read(path, second, flags[draw(7)]); break;
    }
}

static long compare(struct hl_node *ours, const char *path);

/* Every name of a real directory is in ours, and both hold as many. */
static long compare_directory(struct hl_node *ours, const char *path) {
    DIR *directory = opendir(path);
    uint32_t names = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        char below[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        struct hl_entry *found = hl_directory_find(ours, entry->d_name, strlen(entry->d_name));
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (!found || compare(found->node, below) != 0) differ("tree", below, "", 0, 0);
        names++;
    }
    closedir(directory);
    return names == ours->directory.live ? 0 : -1;
}

static long compare(struct hl_node *ours, const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0) return -1;
    if (S_ISDIR(status.st_mode)) return ours->kind == HL_DIRECTORY ? compare_directory(ours, path) : -1;
    if (S_ISLNK(status.st_mode)) return ours->kind == HL_SYMLINK ? 0 : -1;
    if (ours->kind != HL_FILE || ours->links != status.st_nlink || ours->file.size != (size_t)status.st_size) return -1;
    char *data = malloc((size_t)status.st_size + 1);
    FILE *file = fopen(path, "rb");
    size_t length = fread(data, 1, (size_t)status.st_size, file);
    int same = length == ours->file.size && (length == 0 || memcmp(data, ours->file.data, length) == 0);
    fclose(file);
    free(data);
    return same ? 0 : -1;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    size_t size = (size_t)64 << 20;
    char *memory = calloc(1, size);
    state = strtoull(arguments[1], NULL, 10);
    hl_memory_start(memory, memory + size);
    if (hl_mount() != 0 || hl_mkdir((long)"/tmp/test", 0755) != 0 || hl_chdir((long)"/tmp/test") != 0) return 2;
    size_t free_pages = 0;
    long operations = strtol(arguments[2], NULL, 10);
    for (operation = 0; operation < operations; operation++) {
        step();
        if (operation % 1000 == 0 && compare(hl_working_directory(), ".") != 0) differ("tree", ".", "", 0, 0);
        if (operation == operations / 2) free_pages = hl_pages_free();
    }
    /* What is removed gives its memory back: the second half of the operations uses no more than a little. */
    if (hl_pages_free() + 1024 < free_pages) differ("memory in pages", "", "", (long)hl_pages_free(), (long)free_pages);
    puts("the same");
    return 0;
}
