/* The file system's first contents. A set's directory is filled when it is first looked into, so that a function pays
 * only for the sets it opens. Files of input items are the items themselves, names included. */
#include "memory.h"
#include "vfs.h"
#include <dandelion/function.h>
#include <errno.h>
#include <string.h>

struct hl_node *hl_root;

static int add_directory(const char *name, size_t length, struct hl_node **directory) {
    struct hl_entry *there = hl_directory_find(hl_root, name, length);
    *directory = there ? there->node : hl_node_create(HL_DIRECTORY, 0777);
    if (there) return 0;
    return *directory ? hl_directory_add(hl_root, name, length, *directory, false) : -ENOMEM;
}

static bool can_be_name(const char *name, size_t length) {
    if (length == 0 || length > HL_NAME_MAX || memchr(name, '/', length) || memchr(name, 0, length)) return false;
    return !(name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')));
}

static int mount_set(const char *name, size_t length, size_t input_set) {
    struct hl_node *directory;
    if (!can_be_name(name, length)) return 0;
    int error = add_directory(name, length, &directory);
    if (error) return error;
    directory->pinned = true;
    if (directory->directory.input_set == HL_NO_SET) directory->directory.input_set = input_set;
    return 0;
}

static int mount_sets(void) {
    size_t length;
    int error = 0;
    for (size_t set = 0; !error && set < dandelion_input_set_count(); set++) {
        const char *name = dandelion_input_set_name(set, &length);
        error = mount_set(name, length, set);
    }
    for (size_t set = 0; !error && set < dandelion_output_set_count(); set++) {
        const char *name = dandelion_output_set_name(set, &length);
        error = mount_set(name, length, HL_NO_SET);
    }
    return error;
}

int hl_mount(void) {
    struct hl_node *directory;
    hl_root = hl_node_create(HL_DIRECTORY, 0755);
    if (!hl_root) return -ENOMEM;
    hl_root->links = 1;
    hl_root->pinned = true;
    hl_root->directory.parent = hl_root;
    int error = mount_sets();
    if (!error) error = add_directory("tmp", 3, &directory);
    if (!error) error = hl_mount_system();
    return error;
}

/* The directory `name` in `directory`, made when it is missing; NULL in `found` when a file is in the way. */
static int enter(struct hl_node *directory, const char *name, size_t length, struct hl_node **found) {
    struct hl_entry *entry = hl_directory_find(directory, name, length);
    *found = entry && entry->node->kind == HL_DIRECTORY ? entry->node : NULL;
    if (entry) return 0;
    *found = hl_node_create(HL_DIRECTORY, 0777);
    return *found ? hl_directory_add(directory, name, length, *found, false) : -ENOMEM;
}

/* `name~index` for the item whose name is taken or empty. */
static int add_renamed(struct hl_node *directory, const char *name, size_t length, size_t index, struct hl_node *file) {
    char renamed[HL_NAME_MAX], digits[20];
    size_t count = 0;
    do digits[count++] = (char)('0' + index % 10);
    while ((index /= 10) > 0);
    if (length + 1 + count > HL_NAME_MAX) length = HL_NAME_MAX - 1 - count;
    if (length > 0) memcpy(renamed, name, length);
    renamed[length++] = '~';
    while (count > 0) renamed[length++] = digits[--count];
    if (hl_directory_find(directory, renamed, length)) return -EEXIST;
    return hl_directory_add(directory, renamed, length, file, true);
}

static int add_file(
    struct hl_node *directory, const char *name, size_t length, size_t index, const dandelion_item *item) {
    struct hl_node *file = hl_node_create(HL_FILE, 0777);
    if (!file) return -ENOMEM;
    file->file.data = item->data;
    file->file.size = item->length;
    file->key = (uint32_t)item->key;
    bool taken = !can_be_name(name, length) || hl_directory_find(directory, name, length);
    int error = taken ? add_renamed(directory, name, length, index, file)
                      : hl_directory_add(directory, name, length, file, false);
    if (error) {
        hl_node_release(file);
        return error == -EEXIST ? 0 : error;
    }
    directory->directory.entries[directory->directory.used - 1].input = true;
    return 0;
}

/* An item whose name no path can spell stays to be reached by dandelion_input. */
static int add_item(struct hl_node *directory, const dandelion_item *item, size_t index) {
    const char *name = item->name, *end = name + item->name_length;
    if (item->name_length > 0 && memchr(name, 0, item->name_length)) return 0;
    for (;;) {
        const char *slash = name < end ? memchr(name, '/', (size_t)(end - name)) : NULL;
        if (!slash) return add_file(directory, name, (size_t)(end - name), index, item);
        if (slash > name) {
            if (!can_be_name(name, (size_t)(slash - name))) return 0;
            int error = enter(directory, name, (size_t)(slash - name), &directory);
            if (error || !directory) return error;
        }
        name = slash + 1;
    }
}

int hl_populate(struct hl_node *directory) {
    size_t set = directory->directory.input_set;
    if (set == HL_NO_SET) return 0;
    if (set >= HL_OPEN) return hl_populate_system(directory);
    directory->directory.input_set = HL_NO_SET;
    int error = 0;
    for (size_t i = 0; !error && i < dandelion_input_count(set); i++)
        error = add_item(directory, dandelion_input(set, i), i);
    return error;
}

struct hl_node *hl_set_directory(const char *name, size_t length) {
    struct hl_entry *entry = hl_directory_find(hl_root, name, length);
    return entry && entry->node->kind == HL_DIRECTORY && entry->node->pinned ? entry->node : NULL;
}

static bool has_items(const struct hl_directory *directory) {
    for (uint32_t i = 0; i < directory->used; i++)
        if (directory->entries[i].node && directory->entries[i].input) return true;
    return false;
}

void hl_mount_again(void) {
    for (size_t set = 0; set < dandelion_input_set_count(); set++) {
        size_t length;
        const char *name = dandelion_input_set_name(set, &length);
        struct hl_node *directory = hl_set_directory(name, length);
        if (directory && !has_items(&directory->directory)) directory->directory.input_set = set;
    }
}
