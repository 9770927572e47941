/* A right echo protocol. A fixture replaces one part by a macro before it includes this. */
#include <dandelion/abi.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096 };
struct dn_reactor {
    int fd;
    unsigned count;
    pthread_t maker;
    int lost;
    uint64_t tokens[MOST];
    dn_bytes answers[MOST];
};

#ifndef CONSTRUCTOR
#define CONSTRUCTOR
#endif
#ifndef PROBE
#define PROBE
#endif
#ifndef ENTRY
#define ENTRY
#endif
#ifndef COPIES
#define COPIES 1
#endif
#ifndef DESCRIPTOR
#define DESCRIPTOR
#endif
#ifndef START
#define START
#endif
#ifndef STOP
#define STOP
#endif
#ifndef SUBMIT
#define SUBMIT
#endif
#ifndef POLL
#define POLL
#endif
/* On the completion *one of a request whose answer is *answer. */
#ifndef COMPLETE
#define COMPLETE
#endif
#ifndef CREATE
#define CREATE
#endif
#ifndef PROTOCOL_NAME
#define PROTOCOL_NAME "echo"
#endif
#ifndef REACTOR_FD
#define REACTOR_FD reactor->fd
#endif
#ifndef RELEASE_REACTOR
#define RELEASE_REACTOR close(reactor->fd)
#endif
#ifndef VALIDATE
#define VALIDATE
#endif
#ifndef CANCEL
#define CANCEL
#endif
#ifndef ALLOWED
#define ALLOWED(answer) (answer).len <= request->max_response
#endif
#ifndef TABLE
#define TABLE &comm
#endif

static dn_status protocols(dn_instance *i, const dn_comm_protocol **out, uint64_t *count, dn_error *err) {
    (void)i, (void)err;
    static const dn_comm_signature signature = {"requests", "answers"};
    static const dn_comm_protocol protocol = {sizeof protocol, 1, PROTOCOL_NAME, &signature};
    *out = &protocol;
    *count = 1;
    return DN_OK;
}
static dn_status validate(dn_instance *i, const dn_comm_request *request, dn_request_info *out, dn_error *err) {
    (void)i, (void)request, (void)out, (void)err;
    VALIDATE;
    return DN_OK;
}
static dn_status reactor_create(dn_instance *i, const dn_reactor_params *params, dn_reactor **out, dn_error *err) {
    (void)i, (void)params, (void)err;
    dn_reactor *reactor = calloc(1, sizeof *reactor);
    if (!reactor) return DN_NO_MEMORY;
    reactor->maker = pthread_self();
    reactor->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CREATE;
    *out = reactor;
    return DN_OK;
}
static void reactor_destroy(dn_reactor *reactor) { RELEASE_REACTOR; free(reactor); }
static int32_t reactor_fd(dn_reactor *reactor) { (void)reactor; return REACTOR_FD; }
#ifndef WAKE
#define WAKE eventfd_write(reactor->fd, 1)
#endif
static void wake(dn_reactor *reactor) { (void)reactor; WAKE; }
static dn_status submit(dn_reactor *reactor, const dn_comm_request *request, dn_error *err) {
    (void)err;
    SUBMIT;
    for (int i = 0; i < COPIES; i++) {
        if (reactor->count == MOST) return DN_BUSY;
        reactor->tokens[reactor->count] = request->token;
        reactor->answers[reactor->count] = request->inputs[0];
        /* An answer that is not allowed has no address. */
        if (!(ALLOWED(request->inputs[0]))) reactor->answers[reactor->count] = (dn_bytes){0, 1};
        reactor->count++;
    }
    wake(reactor);
    return DN_OK;
}
static dn_status poll(
    dn_reactor *reactor, uint64_t timeout, dn_completion *out, uint64_t capacity, uint64_t *count, dn_error *err) {
    (void)timeout, (void)err;
    POLL;
    eventfd_t woken;
    eventfd_read(reactor->fd, &woken);
    for (*count = 0; *count < capacity && reactor->count > 0; ++*count) {
        unsigned last = --reactor->count;
        out[*count].token = reactor->tokens[last];
        int allowed = reactor->answers[last].data || reactor->answers[last].len == 0;
        out[*count].outcome = allowed ? DN_COMM_OK : DN_COMM_TOO_LARGE;
        out[*count].effect = DN_EFFECT_DONE;
        out[*count].outputs = &reactor->answers[last];
        out[*count].output_count = allowed ? 1 : 0;
        out[*count].message[0] = 0;
        dn_completion *one = &out[*count];
        dn_bytes *answer = &reactor->answers[last];
        (void)one, (void)answer;
        COMPLETE;
    }
    if (reactor->count > 0) wake(reactor);
    if (reactor->lost && *count > 0) reactor->lost = 0, --*count;
    return DN_OK;
}
static void cancel(dn_reactor *reactor, uint64_t token) { (void)reactor, (void)token; CANCEL; }
static void release(dn_reactor *reactor, uint64_t token) { (void)reactor, (void)token; }
static const dn_comm comm = {sizeof comm, 0,      protocols, validate, reactor_create, reactor_destroy, reactor_fd,
                             submit,      poll,   wake,      cancel,   release};

static dn_status probe(const dn_host *host, dn_bytes config, dn_probe *out, dn_error *err) {
    (void)host, (void)config, (void)err;
    PROBE;
    out->availability = DN_AVAILABLE;
    return DN_OK;
}
static dn_status start(const dn_host *host, dn_bytes config, dn_instance **out, dn_error *err) {
    (void)host, (void)config, (void)err;
    START;
    *out = malloc(1);
    return *out ? DN_OK : DN_NO_MEMORY;
}
static void stop(dn_instance *instance) { STOP; free(instance); }
static const void *get_interface(const char *id) { return strcmp(id, DN_COMM_1) == 0 ? TABLE : 0; }

__attribute__((constructor)) static void mapped(void) { CONSTRUCTOR; }

#pragma clang diagnostic ignored "-Winitializer-overrides"
static const dn_plugin plugin = {.magic = DN_PLUGIN_MAGIC, .struct_size = sizeof plugin, .abi_major = DN_ABI_MAJOR,
                                 .abi_minor = DN_ABI_MINOR, .pointer_bytes = sizeof(void *), .id = "org.example.echo",
                                 .name = "Echo", .version = "1.0.0", .vendor = "tests", .license = "MIT",
                                 .description = "Gives requests back.", .probe = probe, .start = start, .stop = stop,
                                 .get_interface = get_interface, DESCRIPTOR};
#ifndef NO_ENTRY
const dn_plugin *dn_plugin_entry_v1(uint32_t host_abi_minor) {
    (void)host_abi_minor;
    ENTRY;
    return &plugin;
}
#endif
