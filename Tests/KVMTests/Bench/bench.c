/* The KVM plugin beside its floor, sample by sample in one process; see run.sh.
 *
 *   bench PLUGIN.so IMAGE RUNS [slots]
 *
 * Lines "name p50 p99" in microseconds: floor_run_N and plugin_run_N end with the result, *_cycle_N with clean memory.
 * Then whole invocations (10 pages, memory clean again) per second of one and of two engines, each on its own core. */
#define main floor_main
#include "../../../Benchmarks/floors/kvm_floor.c"
#undef main

#include <dandelion/abi.h>
#include <dandelion/compute.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

static __thread dn_signal_handler handlers[16];
static __thread void *arguments[16];
static __thread int handler_count;
static int64_t slots;

static void dispatch(int signo, siginfo_t *info, void *context) {
    for (int i = 0; i < handler_count; i++)
        if (handlers[i](arguments[i], signo, info, context)) return;
}

static dn_status attach(const dn_host *host, dn_signal_handler handler, void *argument, uint64_t *token) {
    (void)host;
    handlers[handler_count] = handler;
    arguments[handler_count] = argument;
    *token = (uint64_t)handler_count++;
    return DN_OK;
}

static void detach(const dn_host *host, uint64_t token) { (void)host, (void)token; }
static void kick(const dn_host *host, uint64_t token) { (void)host, (void)token; }

static dn_status get_int(const dn_host *host, const char *path, int64_t *out) {
    (void)host;
    if (strcmp(path, "slots") != 0 || slots == 0) return DN_INVALID;
    *out = slots;
    return DN_OK;
}

static dn_host_signal signals = {.struct_size = sizeof signals, .attach = attach, .detach = detach, .kick = kick};
static dn_host_config config = {.struct_size = sizeof config, .get_int = get_int};

static const void *service(const dn_host *host, const char *id) {
    (void)host;
    if (strcmp(id, DN_HOST_SIGNAL_1) == 0) return &signals;
    return strcmp(id, DN_HOST_CONFIG_1) == 0 ? &config : NULL;
}

static const dn_compute *compute;
static dn_instance *instance;
static dn_image *image;
static __thread dn_engine *engine;
static __thread uint64_t runs_made;
static __thread dn_error error = {.struct_size = sizeof error};

static void check(dn_status status, const char *what) {
    if (status == DN_OK) return;
    fprintf(stderr, "%s: status %d, %s\n", what, status, error.message);
    exit(1);
}

static void make_engine(void) {
    dn_engine_params params = {.struct_size = sizeof params, .core = -1};
    check(compute->engine_create(instance, &params, &engine, &error), "engine_create");
}

static void start(const char *path, const char *image_path) {
    static dn_host host = {.struct_size = sizeof host, .abi_major = DN_ABI_MAJOR, .get_interface = service};
    struct sigaction action = {.sa_sigaction = dispatch, .sa_flags = SA_SIGINFO};
    signals.kick_signal = SIGRTMIN + 5;
    sigaction(signals.kick_signal, &action, NULL);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fprintf(stderr, "%s\n", dlerror()), exit(1);
    const dn_plugin *(*entry)(uint32_t) = (const dn_plugin *(*)(uint32_t))dlsym(library, DN_ENTRY_SYMBOL);
    const dn_plugin *plugin = entry(DN_ABI_MINOR);
    check(plugin->start(&host, (dn_bytes){0}, &instance, &error), "start");
    compute = plugin->get_interface(DN_COMPUTE_1);
    make_engine();
    int file = must(open(image_path, O_RDONLY), image_path);
    off_t size = lseek(file, 0, SEEK_END);
    uint8_t *bytes = malloc((size_t)size);
    if (pread(file, bytes, (size_t)size, 0) != size) die("image");
    dn_image_params load = {.struct_size = sizeof load, .bytes = {bytes, (uint64_t)size}};
    check(compute->image_load(instance, &load, &image, &error), "image_load");
    free(bytes);
    close(file);
}

static void invoke(int pages, double *done, double *clean) {
    static __thread uint8_t input[DATA], result[DATA];
    const uint64_t data = 0x40000, block = 0x42000;
    double begin = now();
    dn_context *context_handle;
    dn_context_params limit = {.struct_size = sizeof limit, .limit = CONTEXT};
    check(compute->context_create(engine, &limit, &context_handle, &error), "context_create");
    check(compute->context_load(context_handle, image, &error), "context_load");
    dn_context_info info = {.struct_size = sizeof info};
    check(compute->context_info(context_handle, &info, &error), "context_info");
    void *view;
    check(compute->context_view(context_handle, data, 4 * PAGE, DN_VIEW_READ | DN_VIEW_WRITE, &view, &error), "view");
    memcpy(view, input, DATA);
    memcpy((uint8_t *)view + (block - data) + 8, &info.exit_address, 8);
    memcpy((uint8_t *)view + (block - data) + 80, &(uint64_t){(uint64_t)pages}, 8);
    dn_run_params params = {.struct_size = sizeof params, .run_id = ++runs_made, .entry_block = block,
                            .deadline = (uint64_t)(begin * 1e3) + 5000000000};
    dn_run_result outcome = {.struct_size = sizeof outcome};
    check(compute->run(engine, context_handle, &params, &outcome, &error), "run");
    if (outcome.outcome != DN_RUN_EXITED) fprintf(stderr, "outcome %d %s\n", outcome.outcome, outcome.detail), exit(1);
    memcpy(result, view, DATA);
    *done = now() - begin;
    compute->context_destroy(context_handle);
    while (compute->engine_idle(engine, 20000)) {}
    *clean = now() - begin;
}

static void floor_invoke(int pages, double *done, double *clean) {
    static uint8_t input[DATA], result[DATA];
    double begin = now();
    memcpy(context, code, CODE);
    memcpy(context + CODE, input, DATA);
    enter((uint64_t)pages);
    memcpy(result, context + CODE, DATA);
    *done = now() - begin;
    zero_resident();
    *clean = now() - begin;
}

static void compare(int pages, int count) {
    double *times[4];
    for (int i = 0; i < 4; i++) times[i] = calloc((size_t)count, sizeof(double));
    for (int i = -20; i < count; i++) {
        double a, b, c, d;
        floor_invoke(pages, &a, &b);
        floor_invoke(pages, &a, &b);
        invoke(pages, &c, &d);
        invoke(pages, &c, &d);
        if (i >= 0) times[0][i] = a, times[1][i] = b, times[2][i] = c, times[3][i] = d;
    }
    const char *names[] = {"floor_run", "floor_cycle", "plugin_run", "plugin_cycle"};
    for (int i = 0; i < 4; i++) report(names[i], pages, times[i], count);
    printf("ratio_run_%d %.3f\nratio_cycle_%d %.3f\n", pages, times[2][count / 2] / times[0][count / 2], pages,
           times[3][count / 2] / times[1][count / 2]);
}

static void pin(int core) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static pthread_barrier_t together;

/* Invokes for a second; returns how often. */
static void *work(void *core) {
    pin((int)(intptr_t)core);
    if (!engine) make_engine();
    double done, clean;
    for (int i = 0; i < 1000; i++) invoke(10, &done, &clean);
    pthread_barrier_wait(&together);
    intptr_t count = 0;
    for (double end = now() + 1e6; now() < end; count++) invoke(10, &done, &clean);
    return (void *)count;
}

static double rate(int engines, const int *cores) {
    pthread_t threads[2];
    double total = 0;
    pthread_barrier_init(&together, NULL, (unsigned)engines);
    for (int i = 0; i < engines; i++) pthread_create(&threads[i], NULL, work, (void *)(intptr_t)cores[i]);
    for (int i = 0; i < engines; i++) {
        void *count;
        pthread_join(threads[i], &count);
        total += (double)(intptr_t)count;
    }
    pthread_barrier_destroy(&together);
    return total;
}

static void scale(const cpu_set_t *allowed) {
    int cores[2], found = 0;
    for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
        if (CPU_ISSET(i, allowed)) cores[found++] = i;
    if (found < 2) return (void)printf("one core only: two engines were not measured\n");
    double one = 0, two = 0;
    for (int i = 0; i < 3; i++) {
        double a = rate(1, cores), b = rate(2, cores);
        one = a > one ? a : one, two = b > two ? b : two;
    }
    printf("engines_1_per_s %.0f\nengines_2_per_s %.0f\nscale %.2f\n", one, two, two / one);
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "usage: %s PLUGIN.so IMAGE RUNS [slots]\n", argv[0]), 2;
    slots = argc > 4 ? atoi(argv[4]) : 0;
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    pin(sched_getcpu());
    pagemap = must(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), "/proc/self/pagemap");
    system_area = memory(SYSTEM);
    context = memory(CONTEXT);
    make_system_area();
    make_code();
    make_vm();
    make_registers();
    start(argv[1], argv[2]);
    const int pages[] = {0, 10, 100, 1000};
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) compare(pages[i], atoi(argv[3]));
    scale(&allowed);
}
