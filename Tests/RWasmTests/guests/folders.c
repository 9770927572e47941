/* The folder to begin in is "/", and the root's folders are there by their own names. */
#include <stdint.h>

#define CHECK(condition) do { if (!(condition)) proc_exit(__LINE__); } while (0)
#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t name

IMPORT(fd_prestat_get)(int32_t, void *);
IMPORT(fd_prestat_dir_name)(int32_t, void *, uint32_t);
IMPORT(path_filestat_get)(int32_t, int32_t, const void *, uint32_t, void *);
IMPORT(path_create_directory)(int32_t, const void *, uint32_t);
IMPORT(environ_sizes_get)(uint32_t *, uint32_t *);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) _Noreturn void proc_exit(int32_t);

static uint32_t head[2], words, size;
static char name[16];
static uint64_t status[8];

/* The descriptor of the folder that begins with a letter. */
static int32_t folder(char first) {
    for (int32_t at = 4; fd_prestat_get(at, head) == 0; at++)
        if (fd_prestat_dir_name(at, name, sizeof name) == 0 && name[0] == '/' && name[1] == first) return at;
    return -1;
}

__attribute__((export_name("_start"))) void _start(void) {
    CHECK(fd_prestat_get(3, head) == 0 && head[1] == 1 && fd_prestat_dir_name(3, name, 1) == 0 && name[0] == '/');
    CHECK(path_create_directory(3, "below", 5) == 0 && path_filestat_get(3, 0, "in", 2, status) == 44);
    CHECK(folder('i') > 0 && head[1] == 3 && name[2] == 'n' && path_filestat_get(folder('i'), 0, "numbers", 7, status) == 0);
    CHECK(folder('j') > 0 && path_filestat_get(folder('j'), 0, "here/below", 10, status) == 0);
    CHECK(folder('x') < 0 && environ_sizes_get(&words, &size) == 0 && words == 0);
    proc_exit(0);
}
