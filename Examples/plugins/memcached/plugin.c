/* The plugin's descriptor, probe, and settings. */
#include "memcached.h"
#include "reactor.h"
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dn_status refuse(dn_error *err, dn_status code, uint64_t offset, const char *format, ...) {
    va_list arguments;
    err->code = code;
    err->input_offset = offset;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    return code;
}

static const char schema[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"servers\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"servers that functions may name: "
    "host:port for TCP, udp://host:port for UDP\"},"
    "\"connections\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":64,\"default\":4,\"description\":\"TCP connections "
    "to each server from one core\"},"
    "\"max_inflight\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":4096,\"default\":1024,\"description\":\"requests at "
    "once on one core\"},"
    "\"max_value_bytes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":134217728,\"default\":1048576,\"description\":"
    "\"largest value, in requests and answers\"},"
    "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":86400000,\"default\":1000,\"description\":\"of a "
    "request that has no deadline\"},"
    "\"udp_timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":60000,\"default\":250,\"description\":\"after "
    "which a UDP answer counts as lost\"},"
    "\"connect_timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":60000,\"default\":500,\"description\":\"of a "
    "TCP connection\"}}}";

/* A setting; the host has checked its range against the schema. */
static uint64_t number(const dn_host *host, const dn_host_config *config, const char *path, uint64_t standard) {
    int64_t value;
    return config->get_int(host, path, &value) == DN_OK ? (uint64_t)value : standard;
}

static void stop(dn_instance *instance) {
    free(instance->servers);
    free(instance->names);
    free(instance);
}

/* Looks "host:port" or "[address]:port" up. Names are looked up here once, so a change of theirs needs a restart. */
static bool look_up(struct server *server, dn_error *err) {
    const char *address = server->name + (server->udp ? 6 : 0), *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;
    if (length == 0 || length >= sizeof server->host)
        return refuse(err, DN_BAD_CONFIG, DN_NO_OFFSET, "server '%s' is not host:port", server->name), false;
    const bool brackets = address[0] == '[' && address[length - 1] == ']';
    snprintf(server->host, sizeof server->host, "%.*s", (int)(brackets ? length - 2 : length), address + (brackets ? 1 : 0));
    server->port = (uint32_t)strtoul(colon + 1, 0, 10);
    struct addrinfo *found, hints = {.ai_socktype = server->udp ? SOCK_DGRAM : SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const int error = getaddrinfo(server->host, colon + 1, &hints, &found);
    if (error != 0)
        return refuse(err, DN_BAD_CONFIG, DN_NO_OFFSET, "server '%s': %s", server->name, gai_strerror(error)), false;
    memcpy(&server->address, found->ai_addr, found->ai_addrlen);
    server->address_length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool read_servers(const dn_host *host, const dn_host_config *config, dn_instance *instance, dn_error *err) {
    uint64_t count = 0;
    if (config->get_count(host, "servers", &count) != DN_OK || count == 0 || count > 1024)
        return refuse(err, DN_BAD_CONFIG, DN_NO_OFFSET, "'servers' lists the servers that functions may use; 1 to 1024"),
               false;
    size_t bytes = 0;
    char path[32];
    dn_bytes name;
    for (uint64_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "servers.%llu", (unsigned long long)i);
        if (config->get_string(host, path, &name) != DN_OK) name.len = 0;
        bytes += name.len + 1;
    }
    instance->servers = calloc(count, sizeof *instance->servers);
    instance->names = malloc(bytes);
    if (!instance->servers || !instance->names) return refuse(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory"), false;
    char *at = instance->names;
    for (uint64_t i = 0; i < count; i++) {
        struct server *server = &instance->servers[instance->server_count++];
        snprintf(path, sizeof path, "servers.%llu", (unsigned long long)i);
        if (config->get_string(host, path, &name) != DN_OK) name.len = 0;
        server->name = at;
        memcpy(at, name.data, name.len);
        at[name.len] = 0;
        at += name.len + 1;
        server->udp = strncmp(server->name, "udp://", 6) == 0;
        if (!look_up(server, err)) return false;
    }
    return true;
}

static dn_status start(const dn_host *host, dn_bytes json, dn_instance **out, dn_error *err) {
    (void)json;
    const dn_host_config *config = host->get_interface ? host->get_interface(host, DN_HOST_CONFIG_1) : 0;
    if (!config) return refuse(err, DN_UNAVAILABLE, DN_NO_OFFSET, "the host offers no %s", DN_HOST_CONFIG_1);
    dn_instance *instance = calloc(1, sizeof *instance);
    if (!instance) return refuse(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory");
    instance->node = host;
    instance->egress = host->get_interface(host, DN_HOST_EGRESS_1);
    instance->connections = number(host, config, "connections", 4);
    instance->max_inflight = number(host, config, "max_inflight", 1024);
    instance->max_value = number(host, config, "max_value_bytes", 1 << 20);
    instance->timeout = number(host, config, "timeout_ms", 1000) * 1000000;
    instance->udp_timeout = number(host, config, "udp_timeout_ms", 250) * 1000000;
    instance->connect_timeout = number(host, config, "connect_timeout_ms", 500) * 1000000;
    if (!read_servers(host, config, instance, err)) {
        stop(instance);
        return err->code;
    }
    *out = instance;
    return DN_OK;
}

static dn_status probe(const dn_host *host, dn_bytes json, dn_probe *out, dn_error *err) {
    (void)err, (void)json;
    const dn_host_config *config = host->get_interface ? host->get_interface(host, DN_HOST_CONFIG_1) : 0;
    uint64_t count = 0;
    if (config && config->get_count(host, "servers", &count) == DN_OK && count > 0) {
        out->availability = DN_AVAILABLE;
    } else {
        out->availability = DN_NOT_AVAILABLE;
        out->reason = DN_REASON_BAD_CONFIG;
        snprintf(out->message, sizeof out->message, "no servers: set servers = [\"host:port\"] in the plugin's config table");
    }
    return DN_OK;
}

static const void *get_interface(const char *id) { return strcmp(id, DN_COMM_1) == 0 ? &memcached_comm : 0; }

static const dn_plugin plugin = {
    .magic = DN_PLUGIN_MAGIC,
    .struct_size = sizeof plugin,
    .abi_major = DN_ABI_MAJOR,
    .abi_minor = DN_ABI_MINOR,
    .pointer_bytes = sizeof(void *),
    .flags = DN_PLUGIN_RELOADABLE,
    .id = "org.dandelion.example.memcached",
    .name = "memcached",
    .version = "1.0.0",
    .vendor = "Dandelion examples",
    .license = "Apache-2.0",
    .description = "Requests to memcached servers, by its text protocol over TCP and UDP.",
    .config_schema = schema,
    .probe = probe,
    .start = start,
    .stop = stop,
    .get_interface = get_interface,
};

__attribute__((visibility("default"))) const dn_plugin *dn_plugin_entry_v1(uint32_t host_abi_minor) {
    (void)host_abi_minor;
    return &plugin;
}
