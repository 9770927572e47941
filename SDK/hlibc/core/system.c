/* What every program may expect beside its sets: devices, one user, and the process itself. */
#include "vfs.h"
#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    enum hl_device device;
    uint32_t descriptor;
} devices[] = {
    {"null", HL_NULL, 0},        {"zero", HL_ZERO, 0},         {"full", HL_FULL, 0},
    {"random", HL_RANDOM, 0},    {"urandom", HL_RANDOM, 0},    {"tty", HL_TERMINAL, 0},
    {"stdin", HL_DESCRIPTOR, 0}, {"stdout", HL_DESCRIPTOR, 1}, {"stderr", HL_DESCRIPTOR, 2},
};

static const struct {
    const char *name, *text;
} user_files[] = {
    {"passwd", "root:x:0:0:root:/tmp:/bin/sh\n"},
    {"group", "root:x:0:\n"},
    {"hosts", "127.0.0.1 localhost\n"},
};

static int add(struct hl_node *directory, const char *name, size_t length, struct hl_node *node) {
    int error = node ? hl_directory_add(directory, name, length, node, true) : -ENOMEM;
    if (error && node) hl_node_release(node);
    return error;
}

static int add_device(
    struct hl_node *directory, const char *name, size_t length, enum hl_device device, uint32_t descriptor) {
    struct hl_node *node = hl_node_create(HL_DEVICE, 0666);
    if (node) node->device = (uint8_t)device, node->key = descriptor;
    return add(directory, name, length, node);
}

int hl_add_file(struct hl_node *directory, const char *name, const char *text, size_t length) {
    struct hl_node *node = hl_node_create(HL_FILE, 0644);
    if (!node) return -ENOMEM;
    if (hl_file_write(node, text, length, 0) < 0) {
        hl_node_release(node);
        return -ENOMEM;
    }
    return add(directory, name, strlen(name), node);
}

static int add_directory(struct hl_node *parent, const char *name, size_t contents) {
    if (hl_directory_find(parent, name, strlen(name))) return 0;
    struct hl_node *directory = hl_node_create(HL_DIRECTORY, 0755);
    if (directory) directory->directory.input_set = contents;
    return add(parent, name, strlen(name), directory);
}

int hl_mount_system(void) {
    int error = add_directory(hl_root, "dev", HL_DEVICES);
    if (!error) error = add_directory(hl_root, "etc", HL_USERS);
    return error ? error : add_directory(hl_root, "proc", HL_PROCESS);
}

static int fill_devices(struct hl_node *directory) {
    int error = add_directory(directory, "fd", HL_OPEN);
    for (size_t i = 0; !error && i < sizeof devices / sizeof devices[0]; i++)
        error = add_device(
            directory, devices[i].name, strlen(devices[i].name), devices[i].device, devices[i].descriptor);
    return error;
}

static int fill_users(struct hl_node *directory) {
    int error = 0;
    for (size_t i = 0; !error && i < sizeof user_files / sizeof user_files[0]; i++)
        error = hl_add_file(directory, user_files[i].name, user_files[i].text, strlen(user_files[i].text));
    return error;
}

/* Serials follow descriptors, so that reading the directory goes on where it was whatever was opened meanwhile. */
static int fill_open(struct hl_node *directory) {
    hl_directory_clear(directory);
    for (long at = -1; (at = hl_next_open(at + 1)) >= 0;) {
        char digits[20], *name = digits + sizeof digits;
        for (long rest = at; name == digits + sizeof digits || rest > 0; rest /= 10) *--name = (char)('0' + rest % 10);
        directory->directory.serial = (uint64_t)at;
        int error = add_device(
            directory, name, (size_t)(digits + sizeof digits - name), HL_DESCRIPTOR, (uint32_t)at);
        if (error) return error;
    }
    return 0;
}

int hl_populate_system(struct hl_node *directory) {
    size_t contents = directory->directory.input_set;
    if (contents == HL_OPEN) return fill_open(directory);
    directory->directory.input_set = HL_NO_SET;
    if (contents == HL_DEVICES) return fill_devices(directory);
    if (contents == HL_USERS) return fill_users(directory);
    return hl_fill_process ? hl_fill_process(directory) : 0;
}
