/* Runs one sequence of file operations with its first, second, third ... allocation refused, each in a process of its own.
 * Whatever is refused must be told as ENOSPC or ENOMEM, and leave a file system that works. Usage: memory_test */
#include "../../../SDK/freestanding/runtime.h"
#include "../../../SDK/hlibc/calls/calls.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>


static long allocations, refused = -1;

static bool refuse(void) { return ++allocations == refused; }

/* The linker puts these in front of the real ones. */
void *__real_hl_block_take(size_t size);
void *__real_hl_pages_take(size_t count, bool zero);
bool __real_hl_pages_extend(void *pages, size_t count, size_t more, bool zero);
void *__wrap_hl_block_take(size_t size) { return refuse() ? NULL : __real_hl_block_take(size); }
void *__wrap_hl_pages_take(size_t count, bool zero) { return refuse() ? NULL : __real_hl_pages_take(count, zero); }
bool __wrap_hl_pages_extend(void *pages, size_t count, size_t more, bool zero) {
    return !refuse() && __real_hl_pages_extend(pages, count, more, zero);
}

static dandelion_item inputs[] = {
    {"plain", 5, "hello", 5, 0}, {"a/b/deep", 8, "nested", 6, 1}, {"plain", 5, "again", 5, 2}};
static struct set input_sets[] = {{"in", 2, 0}, {NULL, 0, 3}};
static struct set output_sets[] = {{"out", 3, 0}, {"stdio", 5, 0}, {NULL, 0, 0}};

/* Gives the result on, after a look at the error. */
static long checked(const char *what, long result) {
    static bool failed;
    /* What failed before may be what this one needs. */
    bool told = failed || result >= 0 || result == -ENOSPC || result == -ENOMEM;
    failed |= result < 0;
    if (!told) fprintf(stderr, "allocation %ld refused: %s gives %s\n", refused, what, strerror((int)-result)), exit(1);
    return result;
}

static void write_file(const char *path, size_t size) {
    static char block[10000];
    long file = checked("open", hl_open((long)path, O_CREAT | O_RDWR, 0644));
    if (file < 0) return;
    for (size_t done = 0; done < size; done += sizeof block)
        checked("write", hl_write(file, (long)block, sizeof block));
    checked("truncate", hl_ftruncate(file, (long)size));
    checked("close", hl_close(file));
}

static void operations(void) {
    char path[64], entries[512];
    checked("read", hl_open((long)"/in/a/b/deep", O_RDONLY, 0));
    write_file("/in/plain", 20000);
    checked("mkdir", hl_mkdir((long)"/out/d", 0755));
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "/out/d/a file with a name %d", i);
        write_file(path, (size_t)i * 100);
    }
    write_file("/tmp/large", 300000);
    checked("rename", hl_rename_path((long)"/tmp/large", (long)"/out/large"));
    checked("link", hl_link_path((long)"/out/large", (long)"/out/second"));
    checked("symlink", hl_symlink_path((long)"d", (long)"/out/link"));
    checked("rename", hl_rename_path((long)"/out/d", (long)"/out/e"));
    checked("unlink", hl_unlink_path((long)"/out/second"));
    long directory = checked("opendir", hl_open((long)"/out/e", O_RDONLY | O_DIRECTORY, 0));
    while (directory >= 0 && checked("getdents", hl_getdents(directory, (long)entries, sizeof entries)) > 0) continue;
    checked("dup2", hl_dup2(1, 100));
}

/* When there is memory again, everything works. */
static void works(void) {
    char text[6] = "";
    refused = -1;
    write_file("/tmp/after", 50000);
    long file = hl_open((long)"/tmp/after", O_RDWR, 0);
    if (file < 0 || hl_pwrite(file, (long)"after", 5, 49000) != 5 || hl_pread(file, (long)text, 5, 49000) != 5
        || strcmp(text, "after") != 0 || hl_collect() != 0)
        fprintf(stderr, "after a refused allocation a file cannot be used\n"), exit(1);
    dandelion_write_outputs();
}

int main(void) {
    size_t size = (size_t)8 << 20;
    for (refused = 1;; refused++) {
        pid_t child = fork();
        int status;
        if (child == 0) {
            char *memory = calloc(1, size);
            hl_memory_start(memory, memory + size);
            __dandelion_system_data = (struct system_data){.input_set_count = 1, .input_sets = input_sets,
                .output_set_count = 2, .output_sets = output_sets, .input_items = inputs};
            /* Without its first folders a function does not start. */
            if (checked("mount", hl_mount()) != 0) _exit(0);
            operations();
            /* The outputs' tables, too, may find no memory. */
            checked("collect", hl_collect());
            bool all = allocations < refused;
            works();
            _exit(all ? 100 : 0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 2;
        if (WEXITSTATUS(status) == 100) break;
        if (WEXITSTATUS(status) != 0) return 1;
    }
    printf("%ld allocations refused\n", refused - 1);
    return refused > 100 ? 0 : 1;
}
