/* What one invocation costs, in one run on one core: a floor that uses the zygote directly, and the plugin through the
 * ABI. Both place 100 KiB of code, copy 4 KiB in, run a function that leaves at once, and copy 4 KiB out.
 *
 * measure PLUGIN IMAGE [requests]; the image is Tests/Guests/hello.c padded to 100 KiB of code (measure.sh). */
#define _GNU_SOURCE
#include "CProcess.h"
#include "CPluginKit.h"
#include "signals.h"

#include <dandelion/abi.h>
#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define CODE 102400
#define DATA 4096
#define LIMIT (16ull << 20)
#define STACK 0x100000

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int order(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *name, double *samples, int count) {
    qsort(samples, (size_t)count, sizeof *samples, order);
    printf("%-44s p50 %7.2f  p99 %8.2f  min %7.2f us\n", name, samples[count / 2], samples[count * 99 / 100],
           samples[0]);
}

static void die(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void rest(long nanoseconds) {
    struct timespec pause = {0, nanoseconds};
    if (nanoseconds > 0) nanosleep(&pause, NULL);
}

/* The floor: one sandbox, no checks. */
static void floor_run(int requests, long pause, double *before, double *cycle) {
    uint64_t base = DP_CHILD_SIZE + STACK, size = base + LIMIT, code = 0x11000;
    int slot = dk_memory_file("floor", size), page = dk_memory_file("floor-zygote", DP_PAGE), host, socket;
    char *memory = dp_map(slot, size);
    dp_zygote *zygote = dp_map(page, DP_PAGE);
    if (!memory || !zygote) die("no memory");
    char *context = memory + base - DP_CONTEXT_BEGIN;
    dp_child *child = (dp_child *)memory;
    if (dp_socket_pair(&host, &socket) != 0) die("no socket");
    dp_spawn spawn = {.slot_fd = slot, .zygote_fd = page, .socket = socket, .batch = 1, .stack_size = STACK,
                      .context_offset = base, .small_end = LIMIT, .context_begin = DP_CONTEXT_BEGIN, .context_end = LIMIT};
    int pid = dp_spawn_zygote(&spawn);
    if (pid < 0) die("no zygote");
    while (!dp_load(&zygote->ready)) dp_futex_wait(&zygote->ready, 0, 0);
    static char image[CODE], data[DATA];
    /* mov $exit, %rax; jmp *%rax */
    uint64_t leave = dp_exit_address();
    memcpy(image, "\x48\xb8", 2), memcpy(image + 2, &leave, 8), memcpy(image + 10, "\xff\xe0", 2);
    for (int i = 0; i < requests; i++) {
        uint64_t t0 = now();
        dp_add(&child->prepare, (dp_operation){code, CODE, 0, DP_PROTECT, PROT_READ | PROT_EXEC, 0});
        dp_add(&child->prepare,
               (dp_operation){DP_CONTEXT_BEGIN, code + CODE + DATA - DP_CONTEXT_BEGIN, 0, DP_ADVISE, DP_POPULATE_READ, 0});
        dp_add(&child->prepare, (dp_operation){DP_STACK_HIGH - 2 * DP_PAGE, 2 * DP_PAGE, 0, DP_ADVISE, DP_POPULATE_READ, 0});
        dp_store(&zygote->command, zygote->command + 1);
        dp_futex_wake(&zygote->command);
        while (dp_load(&child->ready) == 0) dp_futex_wait(&child->ready, 0, 0);
        rest(pause);
        uint64_t t1 = now();
        memcpy(context + code, image, CODE);
        memcpy(context + code + CODE, data, DATA);
        child->entry = code, child->stack = DP_STACK_HIGH - 64;
        uint32_t expected = child->thread | DP_WAITERS;
        dp_store(&child->done, expected);
        dp_store(&child->go, 1);
        dp_futex_wake(&child->go);
        while (dp_load(&child->done) == expected) dp_futex_wait(&child->done, expected, t1 + 1000000000);
        memcpy(data, context + code + CODE, DATA);
        uint64_t t2 = now();
        dp_kill((int)child->thread);
        dp_reap((int)child->thread, 1);
        uint64_t from = 0, begin, end;
        for (; dp_next_data(slot, from, size, &begin, &end); from = end) memset(memory + begin, 0, end - begin);
        before[i] = (double)(t2 - t1) / 1e3, cycle[i] = (double)(now() - t0) / 1e3;
    }
    dp_kill(pid);
    dp_reap(pid, 1);
}

static void check(dn_status status, const dn_error *err) {
    if (status != DN_OK) die(err->message);
}

typedef struct loaded {
    const dn_plugin *plugin;
    dn_instance *instance;
    const dn_compute *compute;
    dn_image *image;
    dn_image_info facts;
    dn_engine *engine;
    uint64_t run_id, limit;
} loaded;

static void plugin_load(loaded *it, const char *path, dn_bytes bytes, int core) {
    dn_error err = {.struct_size = sizeof err};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) die(dlerror());
    const dn_plugin *(*entry)(uint32_t) = (const dn_plugin *(*)(uint32_t))dlsym(library, DN_ENTRY_SYMBOL);
    it->plugin = entry(DN_ABI_MINOR);
    static dn_host host = {.struct_size = sizeof host, .abi_major = 1, .get_interface = signal_service};
    check(it->plugin->start(&host, (dn_bytes){0}, &it->instance, &err), &err);
    it->compute = it->plugin->get_interface(DN_COMPUTE_1);
    dn_image_params load = {.struct_size = sizeof load, .bytes = bytes};
    check(it->compute->image_load(it->instance, &load, &it->image, &err), &err);
    it->facts.struct_size = sizeof it->facts;
    it->limit = LIMIT;
    check(it->compute->image_info(it->image, &it->facts, &err), &err);
    if (it->facts.context_min + LIMIT > it->limit) it->limit = it->facts.context_min + LIMIT;
    dn_engine_params params = {.struct_size = sizeof params, .core = core};
    check(it->compute->engine_create(it->instance, &params, &it->engine, &err), &err);
}

static void invoke(loaded *it) {
    dn_error err = {.struct_size = sizeof err};
    static char data[DATA];
    const dn_compute *compute = it->compute;
    dn_context *context;
    dn_context_params want = {.struct_size = sizeof want, .limit = it->limit, .image = it->image};
    check(compute->context_create(it->engine, &want, &context, &err), &err);
    check(compute->context_load(context, it->image, &err), &err);
    dn_context_info where = {.struct_size = sizeof where};
    check(compute->context_info(context, &where, &err), &err);
    void *view;
    check(compute->context_view(context, it->facts.data_begin, 2 * DATA, DN_VIEW_WRITE, &view, &err), &err);
    memcpy(view, data, DATA);
    *(dn_guest_entry *)((char *)view + DATA) = (dn_guest_entry){.exit_address = where.exit_address};
    dn_run_params run = {.struct_size = sizeof run, .run_id = ++it->run_id, .deadline = now() + 1000000000,
                         .entry_block = it->facts.data_begin + DATA};
    dn_run_result result = {.struct_size = sizeof result};
    check(compute->run(it->engine, context, &run, &result, &err), &err);
    if (result.outcome != DN_RUN_EXITED) die("the function did not leave");
    memcpy(data, view, DATA);
    compute->context_destroy(context);
}

static void plugin_run(const char *path, dn_bytes bytes, int core, int requests, double *before, double *cycle,
                       double *after) {
    loaded it = {0};
    plugin_load(&it, path, bytes, core);
    /* One request per millisecond: idle work and the next child are made between them. */
    for (int i = 0; i < requests; i++) {
        uint64_t start = now();
        invoke(&it);
        before[i] = (double)(now() - start) / 1e3;
        while (it.compute->engine_idle(it.engine, 1000000)) {}
        rest(800000);
    }
    report("plugin, 1 per ms: create..output", before, requests);
    /* Back to back: all the work of an invocation. */
    for (int i = 0; i < requests; i++) {
        uint64_t start = now();
        invoke(&it);
        before[i] = (double)(now() - start) / 1e3;
        while (it.compute->engine_idle(it.engine, 1000000)) {}
        cycle[i] = (double)(now() - start) / 1e3;
        after[i] = cycle[i] - before[i];
    }
    it.compute->engine_destroy(it.engine);
    it.compute->image_unload(it.image);
    it.plugin->stop(it.instance);
}

int main(int count, char **arguments) {
    if (count < 3) die("measure PLUGIN IMAGE [requests]");
    int requests = count > 3 ? atoi(arguments[3]) : 2000;
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    int core = 0;
    while (!CPU_ISSET(core, &set)) core++;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
    FILE *file = fopen(arguments[2], "rb");
    if (!file) die("no image");
    static uint8_t image[64 << 20];
    size_t size = fread(image, 1, sizeof image, file);
    fclose(file);
    if (size == sizeof image) die("the image is too large");
    double *before = calloc((size_t)requests, sizeof *before), *cycle = calloc((size_t)requests, sizeof *cycle);
    double *after = calloc((size_t)requests, sizeof *after);
    /* Of a large image mapped_floor has the floor. */
    if (size < 1 << 20) {
        floor_run(requests, 800000, before, cycle);
        report("floor, 1 per ms: code, input, run, output", before, requests);
        floor_run(requests, 0, before, cycle);
        report("floor, back to back: the same", before, requests);
        report("floor, back to back: full cycle", cycle, requests);
    }
    plugin_run(arguments[1], (dn_bytes){image, size}, core, requests, before, cycle, after);
    report("plugin, back to back: create..output", before, requests);
    report("plugin, back to back: full cycle", cycle, requests);
    report("plugin, back to back: output..ready again", after, requests);
    return 0;
}
