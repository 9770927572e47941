/* Arguments, clocks, random numbers, the end, and what there is not: sockets. */
#include "../start/arguments.h"
#include "wasi.h"

#define SECOND UINT64_C(1000000000)

/* A module that others made has the environment that it was given, as under any other runtime. */
#ifdef HL_WASI_SHIM
#define ENVIRONMENT HL_AS_GIVEN
#else
#define ENVIRONMENT HL_USUAL
#endif

static struct hl_arguments arguments;

static int32_t read_arguments(void) {
    return arguments.vector || hl_read_arguments(&arguments, ENVIRONMENT, 0) == 0 ? 0 : ENOMEM;
}

static char **environment(void) { return arguments.vector + arguments.count + 1; }

const char *wasi_variable(const char *name) {
    size_t length = strlen(name);
    if (read_arguments() != 0) return NULL;
    for (char **at = environment(); *at; at++)
        if (strlen(*at) > length && memcmp(*at, name, length) == 0 && (*at)[length] == '=') return *at + length + 1;
    return NULL;
}

/* Number of words, and bytes that they take with their zeros. */
static int32_t store_sizes(char **list, wasi_pointer words, wasi_pointer bytes) {
    uint32_t number = 0, size = 0;
    for (; list[number]; number++) size += (uint32_t)strlen(list[number]) + 1;
    return wasi_store_u32(words, number) ? EFAULT : wasi_store_u32(bytes, size);
}

static int32_t store_list(char **list, wasi_pointer words, wasi_pointer bytes) {
    for (int32_t error = 0; *list; list++, words += sizeof(wasi_pointer)) {
        uint32_t size = (uint32_t)strlen(*list) + 1;
        error = wasi_store_u32(words, bytes) ? EFAULT : wasi_store(bytes, *list, size);
        if (error) return error;
        bytes += size;
    }
    return 0;
}

WASI(args_sizes_get)(wasi_pointer words, wasi_pointer bytes) {
    int32_t error = read_arguments();
    return error ? error : store_sizes(arguments.vector, words, bytes);
}

WASI(args_get)(wasi_pointer words, wasi_pointer bytes) {
    int32_t error = read_arguments();
    return error ? error : store_list(arguments.vector, words, bytes);
}

WASI(environ_sizes_get)(wasi_pointer words, wasi_pointer bytes) {
    int32_t error = read_arguments();
    return error ? error : store_sizes(environment(), words, bytes);
}

WASI(environ_get)(wasi_pointer words, wasi_pointer bytes) {
    int32_t error = read_arguments();
    return error ? error : store_list(environment(), words, bytes);
}

enum { REALTIME, MONOTONIC, PROCESS_TIME, THREAD_TIME };

/* The other clocks count from a second before the beginning, as zero looks like no time at all to some. */
static uint64_t reading(int32_t clock) { return clock == REALTIME ? (uint64_t)hl_now() : SECOND + hl_elapsed(); }

WASI(clock_time_get)(int32_t clock, int64_t precision, wasi_pointer to) {
    (void)precision;
    if (clock < REALTIME || clock > THREAD_TIME) return EINVAL;
    hl_clock_read();
    return wasi_store_u64(to, reading(clock));
}

WASI(clock_res_get)(int32_t clock, wasi_pointer to) {
    return clock < REALTIME || clock > THREAD_TIME ? EINVAL : wasi_store_u64(to, 1);
}

WASI(random_get)(wasi_pointer to, uint32_t size) {
    char block[256];
    for (uint32_t done = 0, step; done < size; done += step) {
        step = size - done < sizeof block ? size - done : sizeof block;
        hl_random(block, step);
        if (wasi_store(to + done, block, step)) return EFAULT;
    }
    return 0;
}

WASI(sched_yield)(void) { return 0; }

#ifdef HL_WASI_SHIM
__attribute__((export_name("proc_exit"))) void wasi_proc_exit(int32_t code) { wasi_leave(code & 255); }
#else
_Noreturn void __imported_wasi_snapshot_preview1_proc_exit(int32_t code);
void __imported_wasi_snapshot_preview1_proc_exit(int32_t code) { wasi_leave(code & 255); }
#endif

WASI(proc_raise)(int32_t signal) {
    if (signal < 0 || signal > 30) return EINVAL;
    if (signal > 0) wasi_leave(128 + signal);
    return 0;
}

/* ---- Waiting: files are always ready, and time passes at once ---- */

enum { CLOCK_EVENT, READ_EVENT, WRITE_EVENT };

struct subscription {
    uint64_t user_data;
    uint8_t tag, padding[7];
    union {
        struct { uint32_t id; uint64_t timeout, precision; uint16_t flags; } clock;
        uint32_t descriptor;
    };
};
_Static_assert(sizeof(struct subscription) == 48, "preview 1, subscription");

struct event {
    uint64_t user_data;
    uint16_t error;
    uint8_t type;
    uint64_t bytes;
    uint16_t flags;
};
_Static_assert(sizeof(struct event) == 32, "preview 1, event");

/* Nanoseconds until a clock's subscription is due. */
static uint64_t due(const struct subscription *wanted) {
    uint64_t now = reading((int32_t)wanted->clock.id), timeout = wanted->clock.timeout;
    if (!(wanted->clock.flags & 1)) return timeout;
    return timeout > now ? timeout - now : 0;
}

static bool occurs(const struct subscription *wanted, uint64_t wait, struct event *event) {
    *event = (struct event){.user_data = wanted->user_data, .type = wanted->tag};
    if (wanted->tag == CLOCK_EVENT) {
        if (wanted->clock.id > THREAD_TIME) event->error = EINVAL;
        return event->error || due(wanted) <= wait;
    }
    struct wasi_open *open = wasi_open_of((int32_t)wanted->descriptor);
    uint64_t size = open ? hl_node_size(open->node) : 0;
    if (!open) event->error = EBADF;
    else if (wanted->tag == READ_EVENT && size > open->offset) event->bytes = size - open->offset;
    return true;
}

WASI(poll_oneoff)(wasi_pointer wanted, wasi_pointer events, uint32_t count, wasi_pointer result) {
    struct subscription one;
    struct event event;
    uint64_t wait = UINT64_MAX;
    uint32_t found = 0;
    if (count == 0 || count > 65536) return EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        if (wasi_load(&one, wanted + i * (uint32_t)sizeof one, sizeof one)) return EFAULT;
        if (one.tag > WRITE_EVENT) return EINVAL;
        uint64_t time = one.tag == CLOCK_EVENT && one.clock.id <= THREAD_TIME ? due(&one) : 0;
        if (time < wait) wait = time;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (wasi_load(&one, wanted + i * (uint32_t)sizeof one, sizeof one)) return EFAULT;
        if (!occurs(&one, wait, &event)) continue;
        if (wasi_store(events + found++ * (uint32_t)sizeof event, &event, sizeof event)) return EFAULT;
    }
    hl_sleep(wait);
    return wasi_store_u32(result, found);
}

/* ---- Sockets: no descriptor is one, and a folder is nothing that could be ---- */

static int32_t no_socket(int32_t descriptor) {
    struct wasi_open *open = wasi_open_of(descriptor);
    return open && open->node->kind != HL_DIRECTORY ? ENOTSOCK : EBADF;
}

WASI(sock_accept)(int32_t descriptor, int32_t flags, wasi_pointer result) {
    (void)flags, (void)result;
    return no_socket(descriptor);
}

WASI(sock_recv)(
    int32_t descriptor, wasi_pointer vectors, uint32_t count, int32_t flags, wasi_pointer size, wasi_pointer result) {
    (void)vectors, (void)count, (void)flags, (void)size, (void)result;
    return no_socket(descriptor);
}

WASI(sock_send)(int32_t descriptor, wasi_pointer vectors, uint32_t count, int32_t flags, wasi_pointer size) {
    (void)vectors, (void)count, (void)flags, (void)size;
    return no_socket(descriptor);
}

WASI(sock_shutdown)(int32_t descriptor, int32_t how) {
    (void)how;
    return no_socket(descriptor);
}
