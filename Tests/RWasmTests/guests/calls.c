/* Every function of WASI preview 1, called as the document says; the exit code is the line of the first wrong answer. */
#include <stddef.h>
#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t name
#define CHECK(truth) if (!(truth)) proc_exit(__LINE__)

IMPORT(args_get)(void *, void *);
IMPORT(args_sizes_get)(uint32_t *, uint32_t *);
IMPORT(environ_get)(void *, void *);
IMPORT(environ_sizes_get)(uint32_t *, uint32_t *);
IMPORT(clock_res_get)(int32_t, uint64_t *);
IMPORT(clock_time_get)(int32_t, int64_t, uint64_t *);
IMPORT(fd_advise)(int32_t, int64_t, int64_t, int32_t);
IMPORT(fd_allocate)(int32_t, int64_t, int64_t);
IMPORT(fd_close)(int32_t);
IMPORT(fd_datasync)(int32_t);
IMPORT(fd_fdstat_get)(int32_t, void *);
IMPORT(fd_fdstat_set_flags)(int32_t, int32_t);
IMPORT(fd_fdstat_set_rights)(int32_t, int64_t, int64_t);
IMPORT(fd_filestat_get)(int32_t, void *);
IMPORT(fd_filestat_set_size)(int32_t, int64_t);
IMPORT(fd_filestat_set_times)(int32_t, int64_t, int64_t, int32_t);
IMPORT(fd_pread)(int32_t, const void *, uint32_t, int64_t, uint32_t *);
IMPORT(fd_prestat_get)(int32_t, void *);
IMPORT(fd_prestat_dir_name)(int32_t, void *, uint32_t);
IMPORT(fd_pwrite)(int32_t, const void *, uint32_t, int64_t, uint32_t *);
IMPORT(fd_read)(int32_t, const void *, uint32_t, uint32_t *);
IMPORT(fd_readdir)(int32_t, void *, uint32_t, int64_t, uint32_t *);
IMPORT(fd_renumber)(int32_t, int32_t);
IMPORT(fd_seek)(int32_t, int64_t, int32_t, uint64_t *);
IMPORT(fd_sync)(int32_t);
IMPORT(fd_tell)(int32_t, uint64_t *);
IMPORT(fd_write)(int32_t, const void *, uint32_t, uint32_t *);
IMPORT(path_create_directory)(int32_t, const char *, uint32_t);
IMPORT(path_filestat_get)(int32_t, int32_t, const char *, uint32_t, void *);
IMPORT(path_filestat_set_times)(int32_t, int32_t, const char *, uint32_t, int64_t, int64_t, int32_t);
IMPORT(path_link)(int32_t, int32_t, const char *, uint32_t, int32_t, const char *, uint32_t);
IMPORT(path_open)(int32_t, int32_t, const char *, uint32_t, int32_t, int64_t, int64_t, int32_t, int32_t *);
IMPORT(path_readlink)(int32_t, const char *, uint32_t, void *, uint32_t, uint32_t *);
IMPORT(path_remove_directory)(int32_t, const char *, uint32_t);
IMPORT(path_rename)(int32_t, const char *, uint32_t, int32_t, const char *, uint32_t);
IMPORT(path_symlink)(const char *, uint32_t, int32_t, const char *, uint32_t);
IMPORT(path_unlink_file)(int32_t, const char *, uint32_t);
IMPORT(poll_oneoff)(const void *, void *, uint32_t, uint32_t *);
IMPORT(proc_raise)(int32_t);
IMPORT(random_get)(void *, uint32_t);
IMPORT(sched_yield)(void);
IMPORT(sock_accept)(int32_t, int32_t, int32_t *);
IMPORT(sock_recv)(int32_t, const void *, uint32_t, int32_t, uint32_t *, uint16_t *);
IMPORT(sock_send)(int32_t, const void *, uint32_t, int32_t, uint32_t *);
IMPORT(sock_shutdown)(int32_t, int32_t);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) _Noreturn void proc_exit(int32_t);

enum { BADF = 8, EXIST = 20, FAULT = 21, INVAL = 28, ISDIR = 31, NOENT = 44, NOTDIR = 54, NOTEMPTY = 55, NOTSOCK = 57, PERM = 63 };
enum { ROOT = 3, CREATE = 1, DIRECTORY = 2, EXCLUSIVE = 4, TRUNCATE = 8, READ = 2, WRITE = 64 };

struct vector { const void *base; uint32_t length; };
static uint32_t n, m;
static uint64_t wide;
static int32_t fd;
static uint8_t bytes[256];
static uint64_t status[8];

static void descriptors(void) {
    CHECK(fd_prestat_get(ROOT, bytes) == 0 && bytes[0] == 0 && bytes[4] == 1);
    CHECK(fd_prestat_dir_name(ROOT, bytes, 1) == 0 && bytes[0] == '/');
    CHECK(fd_prestat_get(4, bytes) == BADF);
    CHECK(fd_fdstat_get(1, bytes) == 0 && bytes[0] == 4 && bytes[2] == 1 && (bytes[8] & WRITE) && !(bytes[8] & READ));
    CHECK(fd_fdstat_get(99, bytes) == BADF && fd_close(99) == BADF && fd_close(-1) == BADF);
    CHECK(path_open(ROOT, 0, "tmp/f", 5, CREATE | EXCLUSIVE, READ | WRITE, 0, 0, &fd) == 0 && fd == 4);
    CHECK(path_open(ROOT, 0, "tmp/f", 5, CREATE | EXCLUSIVE, READ | WRITE, 0, 0, &fd) == EXIST);
    CHECK(fd_renumber(4, 77) == BADF);
    CHECK(path_open(ROOT, 0, "tmp", 3, DIRECTORY, READ, 0, 0, &fd) == 0 && fd == 5);
    CHECK(fd_renumber(4, 5) == 0 && fd_tell(4, &wide) == BADF && fd_tell(5, &wide) == 0);
    CHECK(fd_fdstat_set_flags(5, 1) == 0 && fd_fdstat_set_flags(5, 1 << 9) == INVAL && fd_fdstat_set_flags(5, 0) == 0);
}

/* Who gave standard output away does not write into the file that is opened next. */
static void streams(void) {
    struct vector out = {"lost", 4};
    CHECK(path_open(ROOT, 0, "tmp/s", 5, CREATE, READ | WRITE, 0, 0, &fd) == 0 && fd == 4);
    CHECK(path_open(ROOT, 0, "tmp/t", 5, CREATE, READ | WRITE, 0, 0, &fd) == 0 && fd == 5);
    CHECK(fd_renumber(1, 4) == 0 && fd_write(1, &out, 1, &n) == BADF && fd_renumber(5, 1) == BADF);
    CHECK(path_open(ROOT, 0, "tmp/u", 5, CREATE, READ | WRITE, 0, 0, &fd) == 0 && fd == 6 && fd_write(1, &out, 1, &n) == BADF);
    CHECK(fd_renumber(5, 6) == 0 && fd_filestat_get(6, status) == 0 && status[4] == 0);
    CHECK(fd_close(0) == 0 && path_open(ROOT, 0, "tmp/t", 5, 0, READ, 0, 0, &fd) == 0 && fd == 5 && fd_close(5) == 0);
    CHECK(fd_close(4) == 0 && fd_close(6) == 0);
}

/* A folder can be left neither by its descriptor nor by a link in it, and is nothing to read, write or move in. */
static void folders(void) {
    enum { SEEK = 4, SET_SIZE = 1 << 22 };
    CHECK(fd_fdstat_get(ROOT, bytes) == 0 && bytes[0] == 3 && !(*(uint32_t *)(bytes + 8) & (READ | WRITE | SEEK | SET_SIZE)));
    CHECK(*(uint32_t *)(bytes + 16) & SEEK && fd_tell(ROOT, &wide) == BADF && fd_seek(ROOT, 0, 0, &wide) == BADF);
    CHECK(path_open(ROOT, 0, "tmp", 3, DIRECTORY, READ | WRITE, 0, 0, &fd) == ISDIR);
    CHECK(path_open(ROOT, 0, "/tmp", 4, DIRECTORY, READ, 0, 0, &fd) == PERM);
    CHECK(path_open(ROOT, 0, "tmp/../..", 9, DIRECTORY, READ, 0, 0, &fd) == PERM);
    CHECK(path_open(ROOT, 0, "tmp", 3, DIRECTORY, READ, 0, 0, &fd) == 0);
    CHECK(path_create_directory(fd, "e", 1) == 0 && path_filestat_get(fd, 0, "e/../e", 6, status) == 0);
    CHECK(path_filestat_get(fd, 0, "..", 2, status) == PERM && path_filestat_get(fd, 0, "e/../../tmp", 11, status) == PERM);
    CHECK(path_symlink("..", 2, fd, "e/up", 4) == 0 && path_filestat_get(fd, 1, "e/up", 4, status) == 0);
    CHECK(path_symlink("../..", 5, fd, "e/out", 5) == 0 && path_filestat_get(fd, 1, "e/out", 5, status) == PERM);
    CHECK(path_symlink("/tmp", 4, fd, "e/all", 5) == PERM && sock_shutdown(fd, 0) == BADF && fd_close(fd) == 0);
}

static void transfers(void) {
    struct vector out[] = {{"hello ", 6}, {"world", 5}}, in[] = {{bytes, 4}, {bytes + 4, 100}}, wrong = {(void *)0xfffffff0, 8};
    CHECK(fd_write(5, out, 2, &n) == 0 && n == 11);
    CHECK(fd_seek(5, -5, 2, &wide) == 0 && wide == 6 && fd_tell(5, &wide) == 0 && wide == 6);
    CHECK(fd_seek(5, -50, 1, &wide) == INVAL && fd_seek(5, 0, 3, &wide) == INVAL);
    CHECK(fd_read(5, in, 2, &n) == 0 && n == 5 && bytes[0] == 'w' && bytes[4] == 'd');
    CHECK(fd_read(5, in, 2, &n) == 0 && n == 0);
    CHECK(fd_pread(5, in, 1, 2, &n) == 0 && n == 4 && bytes[0] == 'l');
    CHECK(fd_pwrite(5, out, 1, 20, &n) == 0 && n == 6 && fd_filestat_get(5, status) == 0 && status[4] == 26);
    CHECK(fd_write(5, &wrong, 1, &n) == FAULT && fd_read(5, (void *)0xfffffffc, 1, &n) == FAULT);
    CHECK(fd_read(1, in, 1, &n) == BADF && fd_write(0, out, 1, &n) == BADF && fd_read(ROOT, in, 1, &n) == ISDIR);
    CHECK(fd_allocate(5, 0, 100) == 0 && fd_filestat_set_size(5, 3) == 0 && fd_filestat_get(5, status) == 0 && status[4] == 3);
    CHECK(fd_sync(5) == 0 && fd_datasync(5) == 0 && fd_advise(5, 0, 0, 0) == 0 && fd_advise(5, 0, 0, 9) == INVAL);
    CHECK(fd_filestat_set_times(5, 1000, 2000, 5) == 0 && fd_filestat_get(5, status) == 0 && status[5] == 1000 && status[6] == 2000);
    CHECK(fd_fdstat_set_rights(5, READ, 0) == 0 && fd_write(5, out, 1, &n) == BADF);
    CHECK(fd_close(5) == 0);
}

static void paths(void) {
    CHECK(path_create_directory(ROOT, "tmp/d", 5) == 0 && path_create_directory(ROOT, "tmp/d", 5) == EXIST);
    CHECK(path_create_directory(ROOT, "no/d", 4) == NOENT && path_create_directory(ROOT, "tmp/f/d", 7) == NOTDIR);
    CHECK(path_link(ROOT, 0, "tmp/f", 5, ROOT, "tmp/d/g", 7) == 0 && path_remove_directory(ROOT, "tmp/d", 5) == NOTEMPTY);
    CHECK(path_symlink("../f", 4, ROOT, "tmp/d/l", 7) == 0);
    CHECK(path_readlink(ROOT, "tmp/d/l", 7, bytes, 3, &n) == 0 && n == 3 && bytes[2] == '/');
    CHECK(path_readlink(ROOT, "tmp/f", 5, bytes, 3, &n) == INVAL);
    CHECK(path_filestat_get(ROOT, 0, "tmp/d/l", 7, status) == 0 && (uint8_t)status[2] == 7);
    CHECK(path_filestat_get(ROOT, 1, "tmp/d/l", 7, status) == 0 && (uint8_t)status[2] == 4 && status[3] == 2);
    CHECK(path_filestat_set_times(ROOT, 1, "tmp/d/l", 7, 5, 6, 5) == 0 && path_filestat_get(ROOT, 0, "tmp/f", 5, status) == 0);
    CHECK(status[5] == 5 && status[6] == 6);
    CHECK(path_rename(ROOT, "tmp/d/g", 7, ROOT, "tmp/h", 5) == 0 && path_unlink_file(ROOT, "tmp/d/l", 7) == 0);
    CHECK(path_unlink_file(ROOT, "tmp/d", 5) == ISDIR && path_remove_directory(ROOT, "tmp/d", 5) == 0);
    CHECK(path_filestat_get(ROOT, 0, "../../tmp/h", 11, status) == PERM && path_filestat_get(ROOT, 0, "", 0, status) == NOENT);
    CHECK(path_open(ROOT, 0, "tmp", 3, 0, WRITE, 0, 0, &fd) == ISDIR);
    CHECK(path_open(ROOT, 0, "tmp/h", 5, DIRECTORY, READ, 0, 0, &fd) == NOTDIR);
    CHECK(path_open(ROOT, 0, "tmp/h", 5, TRUNCATE, WRITE, 0, 0, &fd) == 0 && fd_filestat_get(fd, status) == 0 && status[4] == 0);
    CHECK(fd_readdir(fd, bytes, 100, 0, &n) == NOTDIR && fd_close(fd) == 0);
}

/* Entries come one after another, cut where the buffer ends, and go on from a cookie. */
static void directories(void) {
    CHECK(path_open(ROOT, 0, "in", 2, DIRECTORY, READ, 0, 0, &fd) == 0);
    CHECK(fd_readdir(fd, bytes, 60, 0, &n) == 0 && n == 60 && bytes[24] == '.' && bytes[16] == 1 && bytes[20] == 3);
    CHECK(bytes[25] == 2 && bytes[25 + 16] == 2 && bytes[25 + 24 + 1] == '.');
    CHECK(fd_readdir(fd, bytes, 200, 2, &n) == 0 && n == 24 + 7 && bytes[24] == 'n' && bytes[20] == 4);
    uint64_t next = *(uint64_t *)bytes;
    CHECK(fd_readdir(fd, bytes, 200, (int64_t)next, &n) == 0 && n == 0 && fd_close(fd) == 0);
}

static void others(void) {
    struct { uint64_t data; uint8_t tag, pad[7]; uint32_t id, pad2; uint64_t time, precision; uint16_t flags; } wait[2] = {
        {.data = 11, .id = 1, .time = 5000000000}, {.data = 12, .tag = 1, .id = 0}};
    uint64_t before, after, events[8];
    CHECK(args_sizes_get(&n, &m) == 0 && n == 2 && m == 9 && args_get(bytes, bytes + 16) == 0 && bytes[16] == 'p');
    CHECK(environ_sizes_get(&n, &m) == 0 && n == 1 && m == 11 && environ_get(bytes, bytes + 16) == 0 && bytes[16] == 'H');
    CHECK(clock_time_get(1, 0, &before) == 0 && clock_res_get(0, &wide) == 0 && clock_time_get(9, 0, &wide) == INVAL);
    CHECK(poll_oneoff(wait, events, 1, &n) == 0 && n == 1 && events[0] == 11);
    CHECK(clock_time_get(1, 0, &after) == 0 && after - before >= 5000000000 && after - before < 6000000000);
    CHECK(poll_oneoff(wait, events, 2, &n) == 0 && n == 1 && events[0] == 12 && poll_oneoff(wait, events, 0, &n) == INVAL);
    CHECK(random_get(bytes, 200) == 0 && random_get(bytes + 200, 8) == 0 && *(uint64_t *)bytes != *(uint64_t *)(bytes + 200));
    CHECK(random_get((void *)0xffffff00, 200) == FAULT && sched_yield() == 0 && proc_raise(0) == 0);
    CHECK(sock_accept(0, 0, &fd) == NOTSOCK && sock_accept(50, 0, &fd) == BADF && sock_shutdown(1, 0) == NOTSOCK);
    CHECK(sock_recv(0, bytes, 0, 0, &n, (uint16_t *)&m) == NOTSOCK && sock_send(0, bytes, 0, 0, &n) == NOTSOCK);
}

__attribute__((export_name("_start"))) void _start(void) {
    descriptors();
    transfers();
    paths();
    directories();
    others();
    folders();
    streams();
    proc_exit(0);
}
