/* Entry, descriptor, settings and the life of instances (dandelion/plugin.h). */
#include "plugin.h"
#include <stdlib.h>
#include <string.h>

/* The host refuses a configuration that does not fit this, with file, line and column, before it calls start. */
static const char schema[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"max_bytes\":{\"type\":\"integer\",\"description\":\"Largest request, bytes.\",\"default\":1048576,"
    "\"minimum\":1,\"maximum\":1073741824},"
    "\"delay_ms\":{\"type\":\"integer\",\"description\":\"Milliseconds between a request and its answer.\",\"default\":0,"
    "\"minimum\":0,\"maximum\":60000}}}";

dn_status fail(dn_error *err, dn_status code, uint64_t offset, const char *message) {
    err->code = code;
    err->flags = code == DN_BUSY ? DN_ERROR_RETRYABLE : 0;
    err->input_offset = offset;
    err->os_errno = 0;
    strncpy(err->message, message, sizeof err->message - 1);
    err->message[sizeof err->message - 1] = 0;
    return code;
}

/* The configured integer, or `otherwise` when the key is absent. */
static uint64_t setting(const dn_host *host, const char *key, uint64_t otherwise) {
    const dn_host_config *config = host->get_interface(host, DN_HOST_CONFIG_1);
    int64_t value;
    return config && config->get_int(host, key, &value) == DN_OK ? (uint64_t)value : otherwise;
}

/* Says whether this machine can run the plugin. An echo needs nothing; a real protocol would look for its library. */
static dn_status probe(const dn_host *host, dn_bytes config, dn_probe *out, dn_error *err) {
    (void)host, (void)config, (void)err;
    out->availability = DN_AVAILABLE;
    out->reason = DN_REASON_NONE;
    out->message[0] = 0;
    return DN_OK;
}

static dn_status start(const dn_host *host, dn_bytes config, dn_instance **out, dn_error *err) {
    (void)config;
    dn_instance *instance = calloc(1, sizeof *instance);
    if (!instance) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for an instance");
    instance->max_bytes = setting(host, "max_bytes", 1 << 20);
    instance->delay_ns = setting(host, "delay_ms", 0) * 1000000;
    *out = instance;
    return DN_OK;
}

static void stop(dn_instance *instance) { free(instance); }

static const void *get_interface(const char *id) { return strcmp(id, DN_COMM_1) == 0 ? &comm_table : NULL; }

static const dn_plugin plugin = {
    .magic = DN_PLUGIN_MAGIC,
    .struct_size = sizeof plugin,
    .abi_major = DN_ABI_MAJOR,
    .abi_minor = DN_ABI_MINOR,
    .pointer_bytes = sizeof(void *),
    .flags = DN_PLUGIN_RELOADABLE,
    .id = "org.example.echo",
    .name = "echo",
    .version = "0.1.0",
    .vendor = "example.org",
    .license = "Apache-2.0",
    .description = "Answers each request with itself.",
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
