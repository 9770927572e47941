/* What the debug backend needs of Linux: memory, messages, folders. */
#include "linux.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TABLES ((size_t)1 << 30) /* address space for names and tables */

struct kernel_entry {
    uint64_t number;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

struct name {
    struct name *next;
    char text[];
};

void hl_debug_write(int descriptor, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        long done = hl_linux(SYS_write, descriptor, (long)at, (long)length, 0, 0, 0);
        if (done <= 0) return;
        at += done, length -= (size_t)done;
    }
}

static void tell(const char *text) { hl_debug_write(2, text, strlen(text)); }

/* A number, as the C library's texts need its thread pointer, which is not there from the beginning. */
static void tell_error(int number) {
    char digits[11] = "", *at = digits + sizeof digits - 1;
    do *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    tell(": errno ");
    tell(at);
}

void hl_debug_warn(const char *what, const char *of, long error) {
    tell("dandelion debug: ");
    tell(of);
    tell(": ");
    tell(what);
    if (error != 0) tell_error((int)-error);
    tell("\n");
}

void hl_debug_fail(const char *what, const char *of, long error) {
    hl_debug_warn(what, of, error);
    for (;;) hl_linux(SYS_exit_group, 125, 0, 0, 0, 0, 0);
}

void *hl_debug_map(size_t size) {
    long address = hl_linux(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
        -1, 0);
    if (address < 0 && address > -4096) hl_debug_fail("no memory", "mmap", address);
    return (void *)address;
}

void *hl_debug_take(size_t size) {
    static char *at, *end;
    if (!at) at = hl_debug_map(TABLES), end = at + TABLES;
    size = (size + 15) & ~(size_t)15;
    if (size > (size_t)(end - at)) hl_debug_fail("too many or too large names", "input_sets", 0);
    char *taken = at;
    at += size;
    return taken;
}

char *hl_debug_join(const char *folder, const char *name) {
    size_t first = strlen(folder), second = strlen(name);
    char *path = hl_debug_take(first + second + 2);
    memcpy(path, folder, first);
    path[first] = '/';
    memcpy(path + first + 1, name, second + 1);
    return path;
}

enum hl_debug_kind hl_debug_kind(long at, const char *path, uint64_t *size) {
    struct statx status;
    long flags = *path ? 0 : AT_EMPTY_PATH;
    if (hl_linux(SYS_statx, at, (long)path, flags, STATX_BASIC_STATS, (long)&status, 0) != 0) return HL_DEBUG_NONE;
    *size = status.stx_size;
    return S_ISREG(status.stx_mode) ? HL_DEBUG_FILE : S_ISDIR(status.stx_mode) ? HL_DEBUG_FOLDER : HL_DEBUG_NONE;
}

static int by_bytes(const void *left, const void *right) { return strcmp(*(char *const *)left, *(char *const *)right); }

/* Adds the entries of an open folder in front of the list. */
static size_t read_names(long folder, const char *path, struct name **list) {
    static char buffer[32768] __attribute__((aligned(8)));
    size_t count = 0;
    for (;;) {
        long length = hl_linux(SYS_getdents64, folder, (long)buffer, sizeof buffer, 0, 0, 0);
        if (length < 0) hl_debug_fail("cannot be read", path, length);
        if (length == 0) return count;
        for (long at = 0; at < length;) {
            const struct kernel_entry *entry = (const struct kernel_entry *)(buffer + at);
            at += entry->length;
            if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
            size_t size = strlen(entry->name) + 1;
            struct name *name = hl_debug_take(sizeof *name + size);
            memcpy(name->text, entry->name, size);
            name->next = *list;
            *list = name;
            count++;
        }
    }
}

char **hl_debug_names(const char *path) {
    long folder = hl_linux(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
    if (folder < 0) return NULL;
    struct name *list = NULL;
    size_t count = read_names(folder, path, &list);
    hl_linux(SYS_close, folder, 0, 0, 0, 0, 0);
    char **names = hl_debug_take((count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++, list = list->next) names[i] = list->text;
    names[count] = NULL;
    qsort(names, count, sizeof *names, by_bytes);
    return names;
}

void hl_debug_add_set(struct hl_debug_sets *sets, const char *name, size_t length) {
    for (size_t i = 0; i < sets->count; i++)
        if (sets->set[i].length == length && memcmp(sets->set[i].name, name, length) == 0) return;
    if (sets->count == HL_DEBUG_SETS) hl_debug_fail("too many sets", name, 0);
    if (length > 0) sets->set[sets->count++] = (struct hl_debug_set){name, length};
}

void hl_debug_find_sets(struct hl_debug_sets *sets, const char *list, const char *folder) {
    uint64_t size;
    while (list && *list) {
        size_t length = strcspn(list, ",");
        hl_debug_add_set(sets, list, length);
        list += length + (list[length] == ',');
    }
    char **names = hl_debug_names(folder);
    for (; names && *names; names++)
        if (hl_debug_kind(AT_FDCWD, hl_debug_join(folder, *names), &size) == HL_DEBUG_FOLDER)
            hl_debug_add_set(sets, *names, strlen(*names));
}
