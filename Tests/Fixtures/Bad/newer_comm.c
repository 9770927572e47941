/* Nothing is wrong: built for a newer minor, its descriptor and its table are longer than the host's. */
#define NO_ENTRY
#define TABLE grown_table()
static const void *grown_table(void);
#include "echo.h"
static struct { dn_comm table; uint64_t newer[4]; } grown;
static struct { dn_plugin descriptor; uint64_t newer[4]; } entry;
static const void *grown_table(void) { return &grown; }
const dn_plugin *dn_plugin_entry_v1(uint32_t host_abi_minor) {
    (void)host_abi_minor;
    grown.table = comm;
    grown.table.struct_size = sizeof grown;
    memset(grown.newer, 0xff, sizeof grown.newer);
    entry.descriptor = plugin;
    entry.descriptor.struct_size = sizeof entry;
    entry.descriptor.abi_minor = DN_ABI_MINOR + 1;
    memset(entry.newer, 0xff, sizeof entry.newer);
    return &entry.descriptor;
}
