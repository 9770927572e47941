/* The plugin's descriptor, probe, and settings. */
#include "s3.h"
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
    "\"endpoint\":{\"type\":\"string\",\"description\":\"http://HOST:PORT or https://HOST of the server\"},"
    "\"region\":{\"type\":\"string\",\"default\":\"us-east-1\",\"description\":\"what requests are signed for\"},"
    "\"access_key\":{\"type\":\"string\",\"description\":\"the key's id\"},"
    "\"secret_key\":{\"type\":\"string\",\"description\":\"the key; functions never see it\"},"
    "\"secret_key_file\":{\"type\":\"string\",\"description\":\"a file whose first line is the key, in place of secret_key\"},"
    "\"session_token\":{\"type\":\"string\",\"description\":\"of temporary credentials\"},"
    "\"buckets\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"buckets that functions may name; "
    "[\\\"*\\\"] for all that the key reaches\"},"
    "\"ca_file\":{\"type\":\"string\",\"description\":\"PEM file of authorities, in place of the system's\"},"
    "\"connections\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1024,\"default\":64,\"description\":\"to the server "
    "from one core\"},"
    "\"max_inflight\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":4096,\"default\":512,\"description\":\"requests at "
    "once on one core\"},"
    "\"max_request_bytes\":{\"type\":\"integer\",\"minimum\":64,\"maximum\":2147483648,\"default\":67108864,"
    "\"description\":\"largest request\"},"
    "\"max_response_bytes\":{\"type\":\"integer\",\"minimum\":64,\"maximum\":2147483648,\"default\":67108864,"
    "\"description\":\"largest answer, headers and body\"},"
    "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":86400000,\"default\":30000,\"description\":\"of a "
    "request that has no deadline\"},"
    "\"connect_timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":600000,\"default\":5000,\"description\":\"of "
    "name, connection and TLS handshake\"}}}";

/* The host's config service, with the host that its calls want. */
struct config {
    const dn_host *host;
    const dn_host_config *table;
};

static struct config config_of(const dn_host *host) {
    return (struct config){host, host->get_interface ? host->get_interface(host, DN_HOST_CONFIG_1) : 0};
}

/* A setting; the host has checked its range against the schema. */
static uint64_t number(struct config config, const char *path, uint64_t standard) {
    int64_t value;
    return config.table->get_int(config.host, path, &value) == DN_OK ? (uint64_t)value : standard;
}

/* A copy of a text, null when it is not set. */
static char *text(struct config config, const char *path) {
    dn_bytes value;
    return config.table->get_string(config.host, path, &value) == DN_OK ? strndup((const char *)value.data, value.len) : 0;
}

static char *first_line(const char *path) {
    char line[512];
    FILE *file = fopen(path, "re");
    char *got = file ? fgets(line, sizeof line, file) : 0;
    if (file) fclose(file);
    if (!got) return 0;
    line[strcspn(line, "\r\n")] = 0;
    return strdup(line);
}

static void stop(dn_instance *instance) {
    for (size_t i = 0; i < instance->bucket_count; i++) free(instance->buckets[i]);
    free(instance->buckets);
    free(instance->endpoint);
    free(instance->region);
    free(instance->authority);
    free(instance->server);
    free(instance->access_key);
    free(instance->secret_key);
    free(instance->token);
    free(instance->ca_file);
    free(instance);
}

static bool read_credentials(struct config config, dn_instance *instance, dn_error *err) {
    char *file = text(config, "secret_key_file");
    instance->access_key = text(config, "access_key");
    instance->secret_key = file ? first_line(file) : text(config, "secret_key");
    const bool right = instance->access_key && instance->secret_key && *instance->access_key && *instance->secret_key &&
                       strlen(instance->access_key) <= MAX_SECRET && strlen(instance->secret_key) <= MAX_SECRET;
    if (!right && file && !instance->secret_key)
        refuse(err, DN_BAD_CONFIG, DN_NO_OFFSET, "secret_key_file: cannot read '%s'", file);
    else if (!right)
        refuse(err, DN_BAD_CONFIG, DN_NO_OFFSET, "access_key and secret_key (or secret_key_file) are wanted, each of 1 to %d bytes",
               MAX_SECRET);
    free(file);
    return right;
}

static bool read_endpoint(struct config config, dn_instance *instance, dn_error *err) {
    instance->endpoint = text(config, "endpoint");
    CURLU *url = curl_url();
    char *path = 0, *scheme = 0, *query = 0, *host = 0, *port = 0;
    bool right = url && instance->endpoint && curl_url_set(url, CURLUPART_URL, instance->endpoint, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                 (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
                 curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") == 0 &&
                 curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_QUERY, &query, 0) != CURLUE_OK && !strchr(instance->endpoint, '@');
    if (right) {
        const bool brackets = host[0] == '[';
        instance->server = strndup(host + brackets, strlen(host) - 2 * brackets);
        instance->port = (uint32_t)strtoul(port, 0, 10);
        instance->is_secure = strcmp(scheme, "https") == 0;
    }
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(scheme);
    curl_free(query);
    curl_url_cleanup(url);
    if (!right) return refuse(err, DN_BAD_CONFIG, DN_NO_OFFSET, "'endpoint' is http://HOST:PORT or https://HOST:PORT"), false;
    const size_t length = strlen(instance->endpoint);
    if (instance->endpoint[length - 1] == '/') instance->endpoint[length - 1] = 0;
    /* A default port is not said. */
    const char *authority = strstr(instance->endpoint, "://") + 3;
    const char *usual = instance->is_secure ? ":443" : ":80", *colon = strrchr(authority, ':');
    const bool is_usual = colon && strcmp(colon, usual) == 0;
    instance->authority = strndup(authority, is_usual ? (size_t)(colon - authority) : strlen(authority));
    return (instance->authority && instance->server) || (refuse(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory"), false);
}

static bool read_buckets(struct config config, dn_instance *instance, dn_error *err) {
    uint64_t count = 0;
    if (config.table->get_count(config.host, "buckets", &count) != DN_OK || count == 0 || count > 4096)
        return refuse(err, DN_BAD_CONFIG, DN_NO_OFFSET, "'buckets' lists the buckets that functions may use; [\"*\"] for all"),
               false;
    instance->buckets = calloc(count, sizeof *instance->buckets);
    for (uint64_t i = 0; instance->buckets && i < count; i++) {
        char path[32];
        snprintf(path, sizeof path, "buckets.%llu", (unsigned long long)i);
        char *name = text(config, path);
        if (name) instance->buckets[instance->bucket_count++] = name;
    }
    return instance->bucket_count == count || (refuse(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory"), false);
}

static dn_status make(const dn_host *host, dn_instance **out, dn_error *err) {
    const struct config config = config_of(host);
    if (!config.table) return refuse(err, DN_UNAVAILABLE, DN_NO_OFFSET, "the host offers no %s", DN_HOST_CONFIG_1);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return refuse(err, DN_FAILED, DN_NO_OFFSET, "libcurl does not start");
    dn_instance *instance = calloc(1, sizeof *instance);
    if (!instance) return refuse(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory");
    instance->egress = host->get_interface(host, DN_HOST_EGRESS_1);
    instance->region = text(config, "region");
    if (!instance->region) instance->region = strdup("us-east-1");
    instance->token = text(config, "session_token");
    instance->ca_file = text(config, "ca_file");
    instance->connections = number(config, "connections", 64);
    instance->max_inflight = number(config, "max_inflight", 512);
    instance->max_request = number(config, "max_request_bytes", 64 << 20);
    instance->max_response = number(config, "max_response_bytes", 64 << 20);
    instance->timeout_ms = number(config, "timeout_ms", 30000);
    instance->connect_timeout_ms = number(config, "connect_timeout_ms", 5000);
    if (!read_endpoint(config, instance, err) || !read_credentials(config, instance, err) ||
        !read_buckets(config, instance, err)) {
        stop(instance);
        return err->code;
    }
    *out = instance;
    return DN_OK;
}

static dn_status start(const dn_host *host, dn_bytes json, dn_instance **out, dn_error *err) {
    (void)json;
    const dn_status status = make(host, out, err);
    if (status != DN_OK) return status;
    /* Asking is the promise to charge what answers take. */
    const dn_host_memory *memory = host->get_interface(host, DN_HOST_MEMORY_1);
    (*out)->host = host;
    (*out)->memory = memory && memory->struct_size >= sizeof *memory ? memory : 0;
    return DN_OK;
}

static dn_status probe(const dn_host *host, dn_bytes json, dn_probe *out, dn_error *err) {
    (void)json, (void)err;
    dn_error why = {.struct_size = sizeof why};
    dn_instance *instance;
    const struct config config = config_of(host);
    out->availability = DN_AVAILABLE;
    if (config.table && make(host, &instance, &why) == DN_OK) {
        stop(instance);
        snprintf(out->message, sizeof out->message, "libcurl %s", curl_version_info(CURLVERSION_NOW)->version);
        return DN_OK;
    }
    out->availability = DN_NOT_AVAILABLE;
    out->reason = DN_REASON_BAD_CONFIG;
    memcpy(out->message, why.message, sizeof out->message);
    return DN_OK;
}

static const void *get_interface(const char *id) { return strcmp(id, DN_COMM_1) == 0 ? &s3_comm : 0; }

static const dn_plugin plugin = {
    .magic = DN_PLUGIN_MAGIC,
    .struct_size = sizeof plugin,
    .abi_major = DN_ABI_MAJOR,
    .abi_minor = DN_ABI_MINOR,
    .pointer_bytes = sizeof(void *),
    .flags = DN_PLUGIN_RELOADABLE,
    .id = "org.dandelion.example.s3",
    .name = "S3",
    .version = "1.0.0",
    .vendor = "Dandelion examples",
    .license = "Apache-2.0",
    .description = "Objects of S3 servers, with requests signed by Signature Version 4.",
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
