#include "../../freestanding/runtime.h"
#include "vfs.h"
#include <string.h>

static struct hl_node without[3] = {
    {.kind = HL_DEVICE, .device = HL_NULL, .permissions = 0666, .links = 1},
    {.kind = HL_DEVICE, .device = HL_TAIL, .permissions = 0666, .links = 1},
    {.kind = HL_DEVICE, .device = HL_TAIL, .permissions = 0666, .links = 1},
};

struct hl_node *(*hl_console)(int descriptor);

static struct hl_node *file_named(struct hl_node *directory, const char *name, bool create) {
    struct hl_entry *entry = hl_directory_find(directory, name, strlen(name));
    if (entry) return entry->node->kind == HL_FILE ? entry->node : NULL;
    struct hl_node *node = create ? hl_node_create(HL_FILE, 0666) : NULL;
    return node && hl_directory_add(directory, name, strlen(name), node, false) == 0 ? node : NULL;
}

struct hl_node *hl_standard_file(int descriptor) {
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    static bool made[3]; /* one that the function removed later is not made again */
    static struct hl_node *console[3];
    if (hl_console && !console[descriptor]) console[descriptor] = hl_console(descriptor);
    if (console[descriptor]) return console[descriptor];
    bool output = descriptor > 0, wanted = !output || dandelion_output_set("stdio") != DANDELION_NO_SET;
    struct hl_node *directory = wanted ? hl_set_directory("stdio", 5) : NULL, *node = NULL;
    if (directory && hl_populate(directory) == 0) node = file_named(directory, names[descriptor], output && !made[descriptor]);
    if (!node) node = &without[descriptor];
    if (output && !made[descriptor]) {
        node->standard = (uint8_t)descriptor;
        dandelion_report_stream(descriptor, &node->file);
    }
    made[descriptor] = true;
    return node;
}
