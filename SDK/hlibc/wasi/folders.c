/* The folders that are open from the beginning. Where the function begins in another folder than the root, that one is "/",
 * from which relative paths go, and each folder of the root is there by its own name: C libraries look an absolute path up
 * in the folder whose name is its longest beginning. */
#include "../core/memory.h"
#include "../start/arguments.h"
#include "wasi.h"

#define CANNOT_BEGIN 126

_Noreturn static void cannot_begin(const char *path, size_t length) {
    static const char message[] = "hlibc: cannot work in the folder ";
    struct hl_node *stream = wasi_open_of(2)->node;
    const struct { const char *at; size_t length; } parts[] = {{message, sizeof message - 1}, {path, length}, {"\n", 1}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (stream->kind == HL_FILE) hl_file_write(stream, parts[i].at, parts[i].length, stream->file.size);
        else hl_device_write(stream, parts[i].at, parts[i].length);
    }
    wasi_leave(CANNOT_BEGIN);
}

struct hl_node *wasi_working_folder(void) {
    struct hl_node *folder;
    const char *path;
    size_t length = hl_working_item(&path);
    if (length == 0 && (path = wasi_variable("PWD"))) length = strlen(path);
    if (length < 2 || path[0] != '/') return hl_root;
    if (hl_make_directories(path, length, &folder) != 0) cannot_begin(path, length);
    return folder;
}

int32_t wasi_open_folders(void) {
    for (struct hl_entry *entry = NULL; (entry = hl_directory_next(hl_root, entry ? entry->serial : 0));) {
        if (entry->node->kind != HL_DIRECTORY) continue;
        int32_t at = wasi_descriptor_for(entry->node, 0, true, false);
        char *name = at < 0 ? NULL : hl_block_take(entry->length); /* the folder may be renamed */
        if (!name) return at < 0 ? at : -ENOMEM;
        memcpy(name, entry->name, entry->length);
        struct wasi_open *open = wasi_open_of(at);
        open->folder = name;
        open->folder_length = entry->length;
    }
    return 0;
}
