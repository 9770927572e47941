/* The smallest host, in C and in a process of its own, so that what it holds can be counted and it can be killed.
 *
 * host PLUGIN hold                   makes an engine, prints "ready", waits to be killed
 * host PLUGIN soak ROUNDS IMAGE...   runs the images in turn; prints what it holds before, after, and at the end
 *
 * With "signals" before that word it offers dn.host.signal/1, without which the plugin resets no process. */
#define _GNU_SOURCE
#include <dandelion/abi.h>

#include "signals.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMAGES 8

static const dn_plugin *plugin;
static const dn_compute *compute;
static dn_instance *instance;
static dn_error err = {.struct_size = sizeof err};

static const void *no_service(const dn_host *host, const char *id) {
    (void)host, (void)id;
    return NULL;
}

static void check(dn_status status) {
    if (status == DN_OK) return;
    fprintf(stderr, "status %d: %s\n", status, err.message);
    exit(1);
}

static int count_directory(const char *path) {
    DIR *directory = opendir(path);
    int count = 0;
    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

static long count_lines(const char *path, const char *with, long *value) {
    FILE *file = fopen(path, "r");
    char line[512];
    long count = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (with && strncmp(line, with, strlen(with)) == 0 && value) *value = strtol(line + strlen(with), NULL, 10);
        count++;
    }
    if (file) fclose(file);
    return count;
}

/* Children of any state, by the kernel's list of this thread's children. */
static int count_children(void) {
    char path[64], text[4096] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    int count = 0;
    for (size_t i = 0; i < size; i++) count += text[i] == ' ';
    return count;
}

static void print_holdings(const char *when) {
    long shared = 0;
    count_lines("/proc/self/status", "RssShmem:", &shared);
    printf("%s %d %ld %d %ld\n", when, count_directory("/proc/self/fd"), count_lines("/proc/self/maps", NULL, NULL),
           count_children(), shared);
    fflush(stdout);
}

static dn_image *load(const char *path) {
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) exit(2);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    dn_image *image;
    dn_image_params params = {.struct_size = sizeof params, .bytes = {bytes, size}};
    check(compute->image_load(instance, &params, &image, &err));
    return image;
}

/* One invocation with an empty input; whatever the guest does, the platform must not fail. */
static void invoke(dn_engine *engine, dn_image *image, uint64_t run_id) {
    dn_context_params want = {.struct_size = sizeof want, .limit = 8 << 20};
    dn_context *context;
    check(compute->context_create(engine, &want, &context, &err));
    check(compute->context_load(context, image, &err));
    dn_image_info facts = {.struct_size = sizeof facts};
    check(compute->image_info(image, &facts, &err));
    dn_context_info where = {.struct_size = sizeof where};
    check(compute->context_info(context, &where, &err));
    dn_gaddr at = (facts.data_begin + 127) / 128 * 128;
    uint64_t parameters[4] = {1, 8, 0, 0};
    dn_guest_item64 item = {0, 0, at, sizeof parameters, 0};
    dn_guest_set64 in[2] = {{0, 0, 0}, {0, 0, 1}}, out[2] = {{0, 0, 0}, {0, 0, 0}};
    dn_guest_system64 system = {.exit_code = -1, .heap_begin = at + 512, .heap_end = where.limit, .input_sets_len = 1,
                                .input_sets = at + 128, .output_sets_len = 1, .output_sets = at + 192,
                                .input_items = at + 256};
    dn_guest_entry entry = {.magic = DN_GUEST_ENTRY_MAGIC, .struct_size = sizeof entry,
                            .exit_address = where.exit_address,
                            .system_data = facts.system_data, .stack_low = where.stack_low,
                            .stack_high = where.stack_high};
    check(compute->context_write(context, at, parameters, sizeof parameters, &err));
    check(compute->context_write(context, at + 128, in, sizeof in, &err));
    check(compute->context_write(context, at + 192, out, sizeof out, &err));
    check(compute->context_write(context, at + 256, &item, sizeof item, &err));
    check(compute->context_write(context, at + 384, &entry, sizeof entry, &err));
    check(compute->context_write(context, facts.system_data, &system, sizeof system, &err));
    dn_run_params run = {.struct_size = sizeof run, .run_id = run_id, .entry_block = at + 384};
    dn_run_result result = {.struct_size = sizeof result};
    check(compute->run(engine, context, &run, &result, &err));
    compute->context_destroy(context);
}

static void soak(dn_engine *engine, int rounds, char **paths, int count) {
    dn_image *images[IMAGES];
    for (int i = 0; i < count; i++) images[i] = load(paths[i]);
    for (int round = 0; round < rounds; round++) {
        if (round == 20) print_holdings("before");
        invoke(engine, images[round % count], (uint64_t)round + 1);
        while (round % 3 && compute->engine_idle(engine, 100000)) {}
    }
    while (compute->engine_idle(engine, 100000)) {}
    print_holdings("after");
    for (int i = 0; i < count; i++) compute->image_unload(images[i]);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int has_signals = strcmp(argv[2], "signals") == 0;
    argv += has_signals, argc -= has_signals;
    if (argc < 3) return 2;
    void *library = dlopen(argv[1 - has_signals], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) return 2;
    plugin = ((const dn_plugin *(*)(uint32_t))dlsym(library, DN_ENTRY_SYMBOL))(DN_ABI_MINOR);
    dn_host host = {.struct_size = sizeof host, .abi_major = 1, .get_interface = has_signals ? signal_service : no_service};
    check(plugin->start(&host, (dn_bytes){0}, &instance, &err));
    compute = plugin->get_interface(DN_COMPUTE_1);
    dn_engine_params params = {.struct_size = sizeof params, .core = -1};
    print_holdings("empty");
    dn_engine *engine;
    check(compute->engine_create(instance, &params, &engine, &err));
    if (strcmp(argv[2], "hold") == 0) {
        usleep(300000);
        printf("ready\n");
        fflush(stdout);
        for (;;) pause();
    }
    if (argc > 4 && argc - 4 <= IMAGES) soak(engine, atoi(argv[3]), argv + 4, argc - 4);
    compute->engine_destroy(engine);
    print_holdings("end");
    plugin->stop(instance);
    return 0;
}
