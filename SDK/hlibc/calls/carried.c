/* Files whose contents are part of the program. */
#include "../core/vfs.h"
#include <dandelion/program.h>
#include <errno.h>
#include <string.h>

/* The folder at `path`, made if it is missing. */
static int make_folder(const char *path, size_t length) {
    struct hl_place place;
    struct hl_node *folder;
    int error = hl_walk(hl_root, path, length, HL_NAMING, &place);
    if (error) return error;
    if (place.node) return place.node->kind == HL_DIRECTORY ? 0 : -ENOTDIR;
    return hl_create(&place, HL_DIRECTORY, 0755, &folder);
}

static int carry(const char *path, const void *data, size_t length) {
    struct hl_place place;
    struct hl_node *file;
    if (path[0] != '/') return -EINVAL;
    for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
        int error = make_folder(path, (size_t)(slash - path));
        if (error) return error;
    }
    int error = hl_walk(hl_root, path, strlen(path), HL_NAMING, &place);
    if (!error) error = hl_create(&place, HL_FILE, 0444, &file);
    if (error) return error;
    /* Capacity 0: the bytes are copied before they are written. */
    file->file.data = (char *)data;
    file->file.size = length;
    return 0;
}

int dandelion_carry(const char *path, const void *data, size_t length) {
    int error = carry(path, data, length);
    if (!error) return 0;
    errno = -error;
    return -1;
}
