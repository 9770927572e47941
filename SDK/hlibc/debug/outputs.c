/* Output items become output_sets/SET/ITEM on disk. */
#include "linux.h"
#include "../../freestanding/runtime.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const char folder[] = "output_sets";

static char *text_of(const char *bytes, size_t length) {
    char *text = hl_debug_take(length + 1);
    if (length > 0) memcpy(text, bytes, length);
    return text;
}

/* A name that leads to a place below its set's folder. */
static bool is_path(const char *name, size_t length) {
    if (length == 0 || memchr(name, 0, length) || name[0] == '/' || name[length - 1] == '/') return false;
    for (const char *part = name, *end = name + length; part < end;) {
        const char *slash = memchr(part, '/', (size_t)(end - part));
        size_t size = (size_t)((slash ? slash : end) - part);
        if (size == 0 || (part[0] == '.' && (size == 1 || (size == 2 && part[1] == '.')))) return false;
        part += size + 1;
    }
    return true;
}

static void make_folder(const char *path) {
    long error = hl_linux(SYS_mkdirat, AT_FDCWD, (long)path, 0777, 0, 0, 0);
    if (error != 0 && error != -EEXIST) hl_debug_fail("cannot be made", path, error);
}

/* The folders between `path`, which exists, and the last part of its rest. */
static void make_folders(char *path, size_t from) {
    for (char *slash; (slash = strchr(path + from, '/')); from = (size_t)(slash - path) + 1) {
        *slash = 0;
        make_folder(path);
        *slash = '/';
    }
}

/* The number's decimal digits, which end before `end`; 20 bytes hold any. */
static char *digits_of(size_t number, char *end) {
    do *--end = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return end;
}

static void set_key(long file, const char *path, size_t key) {
    char digits[20], *end = digits + sizeof digits, *begin = digits_of(key, end);
    if (key == 0) return;
    long error = hl_linux(SYS_fsetxattr, file, (long)"user.dandelion.key", (long)begin, end - begin, 0, 0);
    if (error != 0) hl_debug_warn("its key is lost: the disk keeps no extended attribute", path, error);
}

/* An item without a name is its number alone, as within functions: ~0. */
static char *file_name(const dandelion_item *item, size_t number) {
    char text[21], *end = text + sizeof text, *begin = digits_of(number, end);
    if (item->name_length > 0) return text_of(item->name, item->name_length);
    *--begin = '~';
    return text_of(begin, (size_t)(end - begin));
}

static void write_item(const char *set_path, const dandelion_item *item, size_t number) {
    if (item->name_length > 0 && !is_path(item->name, item->name_length))
        hl_debug_fail("an item's name cannot be a file's", set_path, 0);
    char *path = hl_debug_join(set_path, file_name(item, number));
    make_folders(path, strlen(set_path) + 1);
    long file = hl_linux(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666, 0, 0);
    if (file < 0) hl_debug_fail("cannot be written", path, file);
    hl_debug_write((int)file, item->data, item->length);
    set_key(file, path, (uint32_t)item->key);
    hl_linux(SYS_close, file, 0, 0, 0, 0, 0);
}

static bool is(const dandelion_item *item, const char *name) {
    return item->name_length == strlen(name) && memcmp(item->name, name, item->name_length) == 0;
}

void hl_debug_write_outputs(void) {
    const struct set *sets = __dandelion_system_data.output_sets;
    make_folder(folder);
    for (size_t i = 0; i < __dandelion_system_data.output_set_count; i++) {
        bool stdio = sets[i].name_length == 5 && memcmp(sets[i].name, "stdio", 5) == 0;
        char *path = hl_debug_join(folder, text_of(sets[i].name, sets[i].name_length));
        make_folder(path);
        for (size_t k = sets[i].first; k < sets[i + 1].first; k++) {
            const dandelion_item *item = &__dandelion_system_data.output_items[k];
            write_item(path, item, k - sets[i].first);
            if (stdio && is(item, "stdout")) hl_debug_write(1, item->data, item->length);
            if (stdio && is(item, "stderr")) hl_debug_write(2, item->data, item->length);
        }
    }
}
