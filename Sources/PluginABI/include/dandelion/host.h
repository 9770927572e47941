/* What the host offers to plugins. Legal from start until stop returns, except where a slot says otherwise. */
#ifndef DANDELION_HOST_H
#define DANDELION_HOST_H

#include "status.h"
#include "types.h"

DN_BEGIN

typedef struct dn_host dn_host;
struct dn_host {
    uint32_t struct_size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t padding;                /* 0 */
    void *DN_NULLABLE host_data;     /* the host's own */
    const char *DN_NULLABLE name;    /* static */
    const char *DN_NULLABLE version; /* static */
    /* A service table by id (DN_HOST_*), borrow-until:stop returns; null when not offered. id borrow-call.
     * Since 1.0. [any-thread] */
    const void *DN_NULLABLE (*DN_NULLABLE get_interface)(const dn_host *host, const char *id);
};

DN_CONSTANT(int32_t, DN_LOG_TRACE, 0);
DN_CONSTANT(int32_t, DN_LOG_DEBUG, 1);
DN_CONSTANT(int32_t, DN_LOG_INFO, 2);
DN_CONSTANT(int32_t, DN_LOG_WARNING, 3);
DN_CONSTANT(int32_t, DN_LOG_ERROR, 4);
DN_CONSTANT(int32_t, DN_LOG_CRITICAL, 5);

/* dn.host.log/1. Also legal in probe. */
typedef struct dn_host_log {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    /* 1 when messages of this level are kept, else 0. Since 1.0. [any-thread] */
    int32_t (*DN_NULLABLE enabled)(const dn_host *host, int32_t level);
    /* Logs UTF-8 text, which the host cuts and escapes. message borrow-call. Since 1.0. [any-thread] */
    void (*DN_NULLABLE log)(const dn_host *host, int32_t level, dn_bytes message);
} dn_host_log;

DN_CONSTANT(int32_t, DN_METRIC_COUNTER, 0);
DN_CONSTANT(int32_t, DN_METRIC_GAUGE, 1);

/* dn.host.metrics/1. The host puts the plugin's configured name before each metric's. */
typedef struct dn_host_metrics {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    /* Defines a metric: name matches [a-z_][a-z0-9_]*, help is one sentence, both borrow-call; *out is its id.
     * DN_LIMIT: too many. DN_INVALID: bad name, or defined already. Since 1.0. [main-thread], in start only. */
    dn_status (*DN_NULLABLE define)(const dn_host *host, int32_t kind, const char *name, const char *help, uint32_t *out);
    /* Adds to a counter or gauge; wait-free; an unknown id is ignored. Since 1.0. [any-thread] */
    void (*DN_NULLABLE add)(const dn_host *host, uint32_t id, int64_t value);
} dn_host_metrics;

/* dn.host.config/1: reads the instance's configuration, so that a plugin needs no JSON reader. Also legal in probe.
 * A path names nested keys by dots ("egress.hosts") and elements of arrays by index ("hosts.0"); borrow-call.
 * Each slot: DN_OK; DN_INVALID when the key is absent; DN_BAD_CONFIG when it has another type. Since 1.0. [any-thread] */
typedef struct dn_host_config {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    /* *out is UTF-8, borrow-until:stop returns (in probe: borrow-until:probe returns). */
    dn_status (*DN_NULLABLE get_string)(const dn_host *host, const char *path, dn_bytes *out);
    dn_status (*DN_NULLABLE get_int)(const dn_host *host, const char *path, int64_t *out);
    dn_status (*DN_NULLABLE get_bool)(const dn_host *host, const char *path, int32_t *out);
    /* Number of elements of an array. */
    dn_status (*DN_NULLABLE get_count)(const dn_host *host, const char *path, uint64_t *out);
} dn_host_config;

/* A plugin's part of a signal handler. signo, info (siginfo_t *) and ucontext (ucontext_t *) as in sigaction(2); it may
 * change ucontext, and runs async-signal-safe code only. Returns 1 when the signal was its own, 0 to pass it on. */
typedef int32_t (*dn_signal_handler)(void *DN_NULLABLE arg, int32_t signo, void *info, void *ucontext);

/* dn.host.signal/1: the host owns all signal handlers. It passes synchronous faults (SIGSEGV, SIGBUS, SIGILL, SIGFPE,
 * SIGTRAP, SIGSYS) and kicks of a thread to the handlers attached to that thread, on an alternate stack of 64 KiB. A
 * fault that no handler claims ends the process, as it would without the host. */
typedef struct dn_host_signal {
    uint32_t struct_size;
    int32_t kick_signal; /* the real-time signal that kick sends */
    /* Attaches a handler to the calling thread; the newest is asked first. *token own, ended by detach. arg
     * borrow-until:detach. DN_LIMIT: too many on this thread. Since 1.0. [engine-thread] */
    dn_status (*DN_NULLABLE attach)(const dn_host *host, dn_signal_handler handler, void *DN_NULLABLE arg, uint64_t *token);
    /* Since 1.0. [engine-thread], the thread that attached. */
    void (*DN_NULLABLE detach)(const dn_host *host, uint64_t token);
    /* Sends kick_signal to the thread of token, which also interrupts a blocking system call there. A token that was
     * detached is ignored. Since 1.0. [any-thread], async-signal-safe. */
    void (*DN_NULLABLE kick)(const dn_host *host, uint64_t token);
} dn_host_signal;

/* dn.host.jobs/1: threads of the host for work that is not on the way of a request (compile, rebuild a VM). */
typedef struct dn_host_jobs {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    /* Runs job(arg) once, later, on a helper thread, where it may block. stop is called only when no job is left.
     * DN_LIMIT: too many are waiting. Since 1.0. [any-thread] */
    dn_status (*DN_NULLABLE submit)(const dn_host *host, void (*job)(void *DN_NULLABLE arg), void *DN_NULLABLE arg);
} dn_host_jobs;

/* The account of what a plugin holds on its own behalf: caches, connections that it keeps. Requests and images name
 * others, those of the tenants for whom they are. */
DN_CONSTANT(uint64_t, DN_ACCOUNT_OWN, 0);

/* dn.host.memory/1, since 1.2: the node's account of memory. What requests, servers and images decide the size of is
 * charged before it is taken and given back when it is freed, so that nobody can bring the node down by making it large.
 * For a plugin that never asks for this service the host assumes the most: each request of dn.comm/1 holds its
 * max_response from submit to release. What is charged when stop returns is given back by the host, and logged. */
typedef struct dn_host_memory {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    /* DN_OK: bytes more are charged. DN_BUSY: there is no room now; whoever asked ends its request with
     * DN_COMM_NO_MEMORY, or its load with DN_BUSY. DN_LIMIT: the account may never hold that many. DN_INVALID: no such
     * account. Never blocks. Since 1.2. [any-thread] */
    dn_status (*DN_NULLABLE charge)(const dn_host *host, uint64_t account, uint64_t bytes);
    /* Gives back what charge took, in any portions; more than that is ignored, and logged. Since 1.2. [any-thread] */
    void (*DN_NULLABLE release)(const dn_host *host, uint64_t account, uint64_t bytes);
    /* Bytes that a charge could take now, for work that does with less when there is less. Since 1.2. [any-thread] */
    uint64_t (*DN_NULLABLE room)(const dn_host *host, uint64_t account);
} dn_host_memory;

/* Somebody waits for the result; or nobody does, since something serves already. */
DN_CONSTANT(int32_t, DN_TURN_AWAITED, 0);
DN_CONSTANT(int32_t, DN_TURN_IMPROVEMENT, 1);

/* dn.host.turns/1: long work, such as compiling, in turns, which the host shares among tenants. Since 1.2. */
typedef struct dn_host_turns {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    /* Waits until the calling thread may keep processors busy for long, on behalf of the call that the host makes there
     * (image_load, translate, a job). *turn own, ended by end. DN_BUSY, DN_CANCELLED: no; the call is to fail with that.
     * Since 1.2. Required. [any-thread], in those calls only */
    dn_status (*DN_NULLABLE begin)(const dn_host *host, int32_t kind, uint64_t *turn);
    /* 1 while the work is wanted, 0 when it is to be given up (DN_CANCELLED); to be asked some times a second.
     * Since 1.2. Required. [any-thread] */
    int32_t (*DN_NULLABLE is_wanted)(const dn_host *host, uint64_t turn);
    /* Since 1.2. Required. [any-thread] */
    void (*DN_NULLABLE end)(const dn_host *host, uint64_t turn);
} dn_host_turns;

/* dn.host.files/1: memory that several can map. Since 1.2. */
typedef struct dn_host_files {
    uint32_t struct_size;
    /* 1: whole 2 MiB of a file, from a multiple of that on, are large pages, so that mapping them costs one fault each.
     * 0: the machine does not give them. */
    int32_t has_large_pages;
    /* Makes a file of len zero bytes that takes memory as it is touched. It may be mapped executable, and is closed on exec.
     * *out own, ended by close(2). DN_LIMIT: the process has no descriptor left. DN_NO_MEMORY.
     * Since 1.2. Required. [any-thread] */
    dn_status (*DN_NULLABLE create)(const dn_host *host, uint64_t len, int32_t *out);
} dn_host_files;

/* Where a request would go next. Whoever asks sets struct_size. Since 1.2. */
typedef struct dn_egress {
    uint32_t struct_size;
    int32_t is_secure; /* 1: the server is known by its certificate, and nobody else reads what is sent */
    uint32_t port;
    uint32_t padding; /* 0 */
    dn_bytes host;   /* a name in any case, or an address without brackets; borrow-call */
    dn_bytes method; /* in the protocol's own words; borrow-call */
} dn_egress;

/* dn.host.egress/1, since 1.2: what the operator lets the requests of each caller do, and adds to them. Whoever resolves names
 * or connects for functions asks before each name is resolved, for what redirects lead to, too. The host makes no request of a
 * bounded caller by a plugin that never asks for this service. */
typedef struct dn_host_egress {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    /* DN_OK; DN_PERMISSION with a sentence for the user. Never blocks. Since 1.2. Required. [any-thread] */
    dn_status (*DN_NULLABLE allow)(const dn_host *host, uint64_t caller, const dn_egress *to, dn_error *err);
    /* Calls take once for each secret of the caller's that is bound to that host, with a line "Name: value" which the request is
     * sent with in the place of its own of that name. line borrow-until: take returns. Nobody but the server is shown it: no
     * log, message, output or child. Since 1.2. Required. [any-thread] */
    void (*DN_NULLABLE secrets)(
        const dn_host *host, uint64_t caller, const dn_egress *to, void (*take)(void *DN_NULLABLE arg, dn_bytes line),
        void *DN_NULLABLE arg);
} dn_host_egress;

DN_END
#endif
