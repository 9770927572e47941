/* Entry, descriptor and life of a plugin: entry -> probe -> start -> (engines, images, contexts, reactors) -> stop. */
#ifndef DANDELION_PLUGIN_H
#define DANDELION_PLUGIN_H

#include "host.h"
#include "status.h"
#include "types.h"

DN_BEGIN

DN_CONSTANT(int32_t, DN_AVAILABLE, 0);
DN_CONSTANT(int32_t, DN_DEGRADED, 1); /* works, with something missing that the message names */
DN_CONSTANT(int32_t, DN_NOT_AVAILABLE, 2);

DN_CONSTANT(int32_t, DN_REASON_NONE, 0);
DN_CONSTANT(int32_t, DN_REASON_NO_DEVICE, 1);
DN_CONSTANT(int32_t, DN_REASON_NO_PERMISSION, 2);
DN_CONSTANT(int32_t, DN_REASON_NO_CPU_FEATURE, 3);
DN_CONSTANT(int32_t, DN_REASON_NO_KERNEL_FEATURE, 4);
DN_CONSTANT(int32_t, DN_REASON_WRONG_ARCH, 5);
DN_CONSTANT(int32_t, DN_REASON_MISSING_LIBRARY, 6);
DN_CONSTANT(int32_t, DN_REASON_MISSING_TOOL, 7);
DN_CONSTANT(int32_t, DN_REASON_BAD_CONFIG, 8);
DN_CONSTANT(int32_t, DN_REASON_OTHER, 9);

/* What a plugin can do on this machine. The caller sets struct_size. */
typedef struct dn_probe {
    uint32_t struct_size;
    int32_t availability; /* DN_AVAILABLE, DN_DEGRADED or DN_NOT_AVAILABLE */
    int32_t reason;       /* DN_REASON_* */
    uint32_t padding;     /* 0 */
    char message[DN_MESSAGE_SIZE]; /* one sentence that an operator can act on, NUL-terminated */
} dn_probe;

/* The plugin keeps no state outside its instances, so that two generations can live side by side. */
#define DN_PLUGIN_RELOADABLE (1ull << 0)

typedef struct dn_plugin {
    uint64_t magic; /* DN_PLUGIN_MAGIC */
    uint32_t struct_size;
    uint32_t abi_major;     /* DN_ABI_MAJOR the plugin was built with */
    uint32_t abi_minor;     /* DN_ABI_MINOR the plugin was built with */
    uint32_t pointer_bytes; /* sizeof(void *) */
    uint64_t flags;         /* DN_PLUGIN_* */
    /* Static UTF-8 texts. id is a reverse domain name, version is semver. */
    const char *DN_NULLABLE id;
    const char *DN_NULLABLE name;
    const char *DN_NULLABLE version;
    const char *DN_NULLABLE vendor;
    const char *DN_NULLABLE license;
    const char *DN_NULLABLE description;
    /* What the host checks the configuration against before probe and start: a JSON Schema object with "properties",
     * each with "type" (string, integer, boolean, array, object), "description" and optionally "default", "enum",
     * "minimum", "maximum", "items", "properties". Keys not listed are refused. Null: no configuration is taken. */
    const char *DN_NULLABLE config_schema;

    /* Says whether this machine can run the plugin. No lasting effect, under 100 ms, repeatable, also before start.
     * Since 1.0. Required. [main-thread]; of the host only log and config may be used.
     * host, config borrow-call (config is JSON, already checked against config_schema); out, err the caller's.
     * DN_OK: out is valid, for DN_NOT_AVAILABLE too. Anything else: the probe itself failed. */
    dn_status (*DN_NULLABLE probe)(const dn_host *host, dn_bytes config, dn_probe *out, dn_error *err);

    /* Makes an instance. Since 1.0. Required. [main-thread]
     * host borrow-until:stop returns; config borrow-call; *out own, ended by stop.
     * DN_BAD_CONFIG: values that the schema cannot express are wrong. DN_UNAVAILABLE: as in probe. */
    dn_status (*DN_NULLABLE start)(const dn_host *host, dn_bytes config, dn_instance *DN_NULLABLE *DN_NONNULL out, dn_error *err);

    /* Ends an instance that has no engines, reactors, images or contexts left; no host service is used after it
     * returns. Since 1.0. Required. [main-thread] */
    void (*DN_NULLABLE stop)(dn_instance *instance);

    /* The vtable of an interface (dn_compute, dn_comm, or a third party's), static; null when not offered. The same id
     * always gives the same pointer. Since 1.0. Required. [any-thread] id borrow-call. */
    const void *DN_NULLABLE (*DN_NULLABLE get_interface)(const char *id);
} dn_plugin;

/* The entry: returns a static descriptor, or null when the host's minor is too old for this plugin. Does nothing else:
 * no threads, no I/O, under 10 ms. It may also run in a child process that only inspects. [main-thread] */
const dn_plugin *DN_NULLABLE dn_plugin_entry_v1(uint32_t host_abi_minor);

DN_END
#endif
