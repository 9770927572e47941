/* Entry, descriptor, settings and the table of slots (dandelion/plugin.h, dandelion/compute.h). */
#include "plugin.h"
#include <stdlib.h>
#include <string.h>

/* The host refuses a configuration that does not fit this, with file, line and column, before it calls start. */
static const char schema[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"context_max_mib\":{\"type\":\"integer\",\"description\":\"Most memory of one function, MiB.\",\"default\":1024,"
    "\"minimum\":1,\"maximum\":1048576}}}";

dn_status fail(dn_error *err, dn_status code, uint64_t offset, const char *message) {
    err->code = code;
    err->flags = 0;
    err->input_offset = offset;
    err->os_errno = 0;
    strncpy(err->message, message, sizeof err->message - 1);
    err->message[sizeof err->message - 1] = 0;
    return code;
}

/* Says whether this machine can run the plugin. An interpreter runs anywhere, but the operator should know what it is. */
static dn_status probe(const dn_host *host, dn_bytes config, dn_probe *out, dn_error *err) {
    (void)host, (void)config, (void)err;
    out->availability = DN_AVAILABLE;
    out->reason = DN_REASON_NONE;
    strcpy(out->message, "an example: functions are interpreted in the node's own process, without hardware isolation");
    return DN_OK;
}

static dn_status start(const dn_host *host, dn_bytes config, dn_instance **out, dn_error *err) {
    (void)config;
    dn_instance *instance = calloc(1, sizeof *instance);
    if (!instance) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for an instance");
    const dn_host_config *settings = host->get_interface(host, DN_HOST_CONFIG_1);
    int64_t mebibytes = 1024;
    if (settings) settings->get_int(host, "context_max_mib", &mebibytes);
    instance->context_max = (uint64_t)mebibytes << 20;
    *out = instance;
    return DN_OK;
}

static void stop(dn_instance *instance) { free(instance); }

static dn_status capabilities(dn_instance *instance, dn_compute_caps *out, dn_error *err) {
    (void)err;
    out->isolation = DN_ISOLATION_SOFTWARE;
    out->flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS;
    out->image_formats = "tiny";
    out->context_max = instance->context_max;
    out->contexts_per_engine = 0;
    out->interrupt_latency = 1000000;
    return DN_OK;
}

static const dn_compute table = {
    .struct_size = sizeof table,
    .capabilities = capabilities,
    .image_load = image_load,
    .image_info = image_info,
    .image_unload = image_unload,
    .engine_create = engine_create,
    .engine_destroy = engine_destroy,
    .context_create = context_create,
    .context_load = context_load,
    .context_info = context_info,
    .context_read = context_read,
    .context_write = context_write,
    .context_view = context_view,
    .context_destroy = context_destroy,
    .run = run,
    .interrupt = interrupt,
    .image_snapshot = image_snapshot,
    .image_save = image_save,
    .image_restore = image_restore,
};

static const void *get_interface(const char *id) { return strcmp(id, DN_COMPUTE_1) == 0 ? &table : NULL; }

static const dn_plugin plugin = {
    .magic = DN_PLUGIN_MAGIC,
    .struct_size = sizeof plugin,
    .abi_major = DN_ABI_MAJOR,
    .abi_minor = DN_ABI_MINOR,
    .pointer_bytes = sizeof(void *),
    .flags = DN_PLUGIN_RELOADABLE,
    .id = "org.example.trivial",
    .name = "trivial",
    .version = "0.1.0",
    .vendor = "example.org",
    .license = "Apache-2.0",
    .description = "Interprets images of a small text format in the node's own memory.",
    .config_schema = schema,
    .probe = probe,
    .start = start,
    .stop = stop,
    .get_interface = get_interface,
};

/* The one exported symbol. */
__attribute__((visibility("default"))) const dn_plugin *dn_plugin_entry_v1(uint32_t host_abi_minor) {
    (void)host_abi_minor;
    return &plugin;
}
