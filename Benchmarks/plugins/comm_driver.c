/* Keeps requests in flight through a communication plugin, as the node would, and counts answers.
 *
 *     comm_driver PLUGIN.so --requests N --inflight N [--set KEY=VALUE | --set KEY=[VALUE,...]]... REQUEST...
 *
 * REQUESTs take turns; in each, \n stands for a line end and %d for the number of the request modulo 1000. Prints one line:
 * answers per second, and how many failed.
 */
#define _GNU_SOURCE
#include <dandelion/abi.h>
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 4096, SETTINGS = 64 };

static const char *settings[SETTINGS];
static int setting_count;

static const char *setting(const char *path) {
    for (int i = 0; i < setting_count; i++) {
        const size_t length = strcspn(settings[i], "=");
        if (strlen(path) == length && strncmp(path, settings[i], length) == 0) return settings[i] + length + 1;
    }
    return 0;
}

/* "servers.1" is the second element of servers=[a,b]. */
static dn_status get_string(const dn_host *host, const char *path, dn_bytes *out) {
    (void)host;
    const char *dot = strrchr(path, '.'), *value = setting(path);
    char list[256];
    if (!value && dot) {
        snprintf(list, sizeof list, "%.*s", (int)(dot - path), path);
        value = setting(list);
        if (!value || *value++ != '[') return DN_INVALID;
        for (int skip = atoi(dot + 1); skip > 0; skip--) value = strchr(value, ',') ? strchr(value, ',') + 1 : "";
    }
    if (!value) return DN_INVALID;
    *out = (dn_bytes){.data = (const uint8_t *)value, .len = strcspn(value, dot ? ",]" : "")};
    return DN_OK;
}
static dn_status get_int(const dn_host *host, const char *path, int64_t *out) {
    (void)host;
    if (!setting(path)) return DN_INVALID;
    *out = atoll(setting(path));
    return DN_OK;
}
static dn_status get_bool(const dn_host *host, const char *path, int32_t *out) {
    int64_t value = 0;
    const dn_status status = get_int(host, path, &value);
    *out = value != 0;
    return status;
}
static dn_status get_count(const dn_host *host, const char *path, uint64_t *out) {
    (void)host;
    const char *value = setting(path);
    if (!value) return DN_INVALID;
    for (*out = 1; (value = strchr(value, ',')); value++) ++*out;
    return DN_OK;
}
static const dn_host_config config = {sizeof config, 0, get_string, get_int, get_bool, get_count};
static const void *service(const dn_host *host, const char *id) {
    (void)host;
    return strcmp(id, DN_HOST_CONFIG_1) == 0 ? &config : 0;
}

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "comm_driver: %s: %s\n", what, why ? why : "");
    exit(1);
}

static char *make_request(const char *pattern, unsigned number) {
    char *out = malloc(strlen(pattern) + 32), *at = out;
    for (const char *from = pattern; *from; from++) {
        if (from[0] == '\\' && from[1] == 'n') *at++ = '\n', from++;
        else if (from[0] == '%' && from[1] == 'd') at += sprintf(at, "%u", number % 1000), from++;
        else *at++ = *from;
    }
    *at = 0;
    return out;
}

int main(int count, char **words) {
    long requests = 100000, inflight = 64;
    const char *patterns[64];
    int pattern_count = 0;
    for (int i = 2; i < count; i++) {
        if (strcmp(words[i], "--requests") == 0 && i + 1 < count) requests = atol(words[++i]);
        else if (strcmp(words[i], "--inflight") == 0 && i + 1 < count) inflight = atol(words[++i]);
        else if (strcmp(words[i], "--set") == 0 && i + 1 < count && setting_count < SETTINGS) settings[setting_count++] = words[++i];
        else if (pattern_count < 64) patterns[pattern_count++] = words[i];
    }
    if (count < 3 || pattern_count == 0 || inflight < 1 || inflight > MOST) fail("usage", "see the head of its source");
    void *library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) fail(words[1], dlerror());
    const dn_plugin *(*entry)(uint32_t) = (const dn_plugin *(*)(uint32_t))dlsym(library, DN_ENTRY_SYMBOL);
    if (!entry) fail(words[1], "is no plugin");
    const dn_plugin *plugin = entry(DN_ABI_MINOR);
    const dn_host host = {.struct_size = sizeof host, .abi_major = DN_ABI_MAJOR, .get_interface = service};
    dn_error err = {.struct_size = sizeof err};
    dn_instance *instance;
    dn_reactor *reactor;
    if (plugin->start(&host, (dn_bytes){0}, &instance, &err) != DN_OK) fail("start", err.message);
    const dn_comm *comm = plugin->get_interface(DN_COMM_1);
    const dn_reactor_params params = {.struct_size = sizeof params, .core = -1, .max_inflight = (uint64_t)inflight};
    if (comm->reactor_create(instance, &params, &reactor, &err) != DN_OK) fail("reactor", err.message);

    static dn_completion done[64];
    long sent = 0, ended = 0, failed = 0;
    struct pollfd watched = {.fd = comm->reactor_fd(reactor), .events = POLLIN};
    const double begun = seconds();
    while (ended < requests) {
        for (; sent < requests && sent - ended < inflight; sent++) {
            dn_bytes *input = malloc(sizeof *input);
            char *text = make_request(patterns[sent % pattern_count], (unsigned)(sent / pattern_count));
            *input = (dn_bytes){.data = (uint8_t *)text, .len = strlen(text)};
            dn_comm_request request = {
                .struct_size = sizeof request, .input_count = 1, .inputs = input, .token = (uint64_t)(uintptr_t)input};
            if (comm->submit(reactor, &request, &err) != DN_OK) fail(text, err.message);
        }
        poll(&watched, 1, 1000);
        uint64_t got = 64;
        while (got == 64) {
            for (int i = 0; i < 64; i++) done[i].struct_size = sizeof *done;
            if (comm->poll(reactor, 0, done, 64, &got, &err) != DN_OK) fail("poll", err.message);
            for (uint64_t i = 0; i < got; i++) {
                dn_bytes *input = (dn_bytes *)(uintptr_t)done[i].token;
                if (done[i].outcome != DN_COMM_OK && failed++ == 0) fprintf(stderr, "%s\n", done[i].message);
                comm->release(reactor, done[i].token);
                free((void *)(uintptr_t)input->data);
                free(input);
            }
            ended += (long)got;
        }
    }
    printf("per_second=%.0f failed=%ld\n", (double)requests / (seconds() - begun), failed);
    comm->reactor_destroy(reactor);
    plugin->stop(instance);
    return failed > 0;
}
