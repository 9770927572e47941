/* input_sets/SET/ITEM on disk become input items. Files are mapped, not read. */
#include "linux.h"
#include "../../freestanding/runtime.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define ITEMS ((size_t)1 << 20) /* address space for so many */

static const char folder[] = "input_sets";
static dandelion_item *items;
static size_t item_count;

static void add(const char *name, const void *data, size_t length, uint32_t key) {
    if (item_count == ITEMS) hl_debug_fail("too many files", folder, 0);
    items[item_count++] = (dandelion_item){name, strlen(name), (void *)(uintptr_t)data, length, key};
}

/* A file's key is its extended attribute, as inside of the function. */
static uint32_t key_of(long file) {
    char digits[11] = "";
    uint32_t key = 0;
    long length = hl_linux(SYS_fgetxattr, file, (long)"user.dandelion.key", (long)digits, sizeof digits - 1, 0, 0);
    for (long i = 0; i < length && digits[i] >= '0' && digits[i] <= '9'; i++) key = key * 10 + (uint32_t)(digits[i] - '0');
    return key;
}

static void add_descriptor(const char *name, const char *path, long file, uint64_t size) {
    long data = 0;
    if (size > 0) data = hl_linux(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (data < 0 && data > -4096) hl_debug_fail("cannot be mapped", path, data);
    add(name, size > 0 ? (void *)data : "", size, key_of(file));
}

static void add_file(const char *name, const char *path, uint64_t size) {
    long file = hl_linux(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (file < 0) hl_debug_fail("cannot be opened", path, file);
    add_descriptor(name, path, file, size);
    hl_linux(SYS_close, file, 0, 0, 0, 0, 0);
}

/* Everything below a folder; `prefix` is the folder's path within its set. */
static void add_folder(const char *path, const char *prefix) {
    uint64_t size;
    char **names = hl_debug_names(path);
    for (; names && *names; names++) {
        char *below = hl_debug_join(path, *names), *name = *prefix ? hl_debug_join(prefix, *names) : *names;
        switch (hl_debug_kind(AT_FDCWD, below, &size)) {
        case HL_DEBUG_FILE: add_file(name, below, size); break;
        case HL_DEBUG_FOLDER: add_folder(below, name); break;
        default: hl_debug_fail("is neither a file nor a folder", below, 0);
        }
    }
}

static bool has(size_t first, const char *name) {
    for (size_t i = first; i < item_count; i++)
        if (strcmp(items[i].name, name) == 0) return true;
    return false;
}

/* Words in quotes, so that the function reads them from its item argv as they are. */
static void add_arguments(int count, char **arguments) {
    size_t room = 0, length = 0;
    for (int i = 0; i < count; i++) room += strlen(arguments[i]) * 5 + 3;
    char *text = hl_debug_take(room + 1);
    for (int i = 0; i < count; i++) {
        text[length++] = '\'';
        for (const char *at = arguments[i]; *at; at++) {
            if (*at == '\'') memcpy(text + length, "'\"'\"'", 5), length += 5;
            else text[length++] = *at;
        }
        text[length++] = '\'';
        text[length++] = ' ';
    }
    add("argv", text, length, 0);
}

/* What the command line says in place of the items argv and stdin. */
static void add_from_command(size_t first, int count, char **arguments) {
    uint64_t size;
    if (count > 1 && has(first, "argv")) {
        for (size_t i = first; i < item_count; i++)
            if (strcmp(items[i].name, "argv") == 0) items[i] = items[--item_count];
    }
    if (count > 1) add_arguments(count, arguments);
    if (!has(first, "stdin") && hl_debug_kind(0, "", &size) == HL_DEBUG_FILE) add_descriptor("stdin", "standard input", 0, size);
}

void hl_debug_read_inputs(const struct hl_debug_sets *found, int count, char **arguments) {
    struct set *sets = hl_debug_take((found->count + 1) * sizeof *sets);
    items = hl_debug_map(ITEMS * sizeof *items);
    for (size_t i = 0; i < found->count; i++) {
        const struct hl_debug_set *set = &found->set[i];
        char *name = hl_debug_take(set->length + 1);
        memcpy(name, set->name, set->length);
        sets[i] = (struct set){name, set->length, item_count};
        add_folder(hl_debug_join(folder, name), "");
        if (strcmp(name, "stdio") == 0) add_from_command(sets[i].first, count, arguments);
    }
    sets[found->count] = (struct set){NULL, 0, item_count};
    __dandelion_system_data.input_set_count = found->count;
    __dandelion_system_data.input_sets = sets;
    __dandelion_system_data.input_items = items;
}
