/* A right isolation backend (the file BASE) with one slot replaced: SLOT = replacement. `base` is the right table. */
#define _GNU_SOURCE
#include <dandelion/abi.h>
#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static dn_compute base;
/* With room for slots that a newer minor would append. */
static struct { dn_compute table; uint64_t newer[4]; } grown;
#define changed grown.table
static dn_plugin plugin;
static const void *(*right_interface)(const char *);
static void replace(void);
/* The host that the last instance was given, and its signals. */
static const dn_host *host;
static const dn_host_signal *signals;
static dn_status (*right_start)(const dn_host *, dn_bytes, dn_instance **, dn_error *);

static dn_status start(const dn_host *given, dn_bytes config, dn_instance **out, dn_error *err) {
    host = given;
    signals = given->get_interface(given, DN_HOST_SIGNAL_1);
    return right_start(given, config, out, err);
}

static const void *get_interface(const char *id) {
    const void *table = right_interface(id);
    if (!table || strcmp(id, DN_COMPUTE_1) != 0) return table;
    memcpy(&base, table, sizeof base);
    memcpy(&changed, table, sizeof changed);
    replace();
    return &changed;
}
const dn_plugin *dn_plugin_entry_v1(uint32_t minor) {
    void *library = dlopen(BASE, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const dn_plugin *(*entry)(uint32_t) = library ? dlsym(library, DN_ENTRY_SYMBOL) : 0;
    if (!entry) return 0;
    plugin = *entry(minor);
    right_interface = plugin.get_interface;
    plugin.get_interface = get_interface;
    right_start = plugin.start;
    plugin.start = start;
    return &plugin;
}
