/* dn.comm/1: a communication backend. Trusted code that performs requests which untrusted functions wrote.
 *
 * A plugin offers protocols; the operator's config makes each a function by name. One request is one item of each
 * input set; it yields one item for each output set, with the ident and key of the request's first item.
 */
#ifndef DANDELION_COMM_H
#define DANDELION_COMM_H

#include "status.h"
#include "types.h"

DN_BEGIN

/* One way to call a protocol: names of its sets, space-separated, in order. Static. */
typedef struct dn_comm_signature {
    const char *DN_NULLABLE inputs;  /* "requests" */
    const char *DN_NULLABLE outputs; /* "headers bodies" */
} dn_comm_signature;

/* Static. A composition that declares the names of signature i gets i, else the first with enough sets. */
typedef struct dn_comm_protocol {
    uint32_t struct_size;
    uint32_t signature_count; /* at least 1 */
    const char *DN_NULLABLE name; /* "http" */
    const dn_comm_signature *DN_NULLABLE signatures;
} dn_comm_protocol;

DN_CONSTANT(int32_t, DN_IDEMPOTENT_UNKNOWN, 0);
DN_CONSTANT(int32_t, DN_IDEMPOTENT_YES, 1);
DN_CONSTANT(int32_t, DN_IDEMPOTENT_NO, 2);

/* What validation learned. The caller sets struct_size. */
typedef struct dn_request_info {
    uint32_t struct_size;
    int32_t idempotent; /* DN_IDEMPOTENT_* */
    uint64_t body_offset; /* of the first input; its length when there is no body */
    char target[DN_MESSAGE_SIZE]; /* NUL-terminated, for logs: verb and authority, no secrets */
} dn_request_info;

typedef struct dn_comm_request {
    uint32_t struct_size;
    uint32_t protocol;  /* index into protocols() */
    uint32_t signature; /* index into that protocol's signatures */
    uint32_t input_count;
    const dn_bytes *inputs; /* borrow-until:this token is completed (validate: borrow-call) */
    uint64_t token;         /* the host's, unique while live */
    uint64_t deadline;      /* CLOCK_MONOTONIC ns, 0 = none */
    uint64_t max_response;  /* bytes of all outputs together, 0 = the plugin's own limit */
    uint64_t account;       /* Since 1.2: what receiving the answer takes is charged there (dn.host.memory/1) until release */
    /* Since 1.2: what a protocol with header fields sends along as traceparent and tracestate (W3C Trace Context), in place of
     * what the request says by itself; visible ASCII and spaces, len 0 = nothing. borrow-call */
    dn_bytes trace_parent;
    dn_bytes trace_state;
    uint64_t caller; /* Since 1.2: on whose behalf, for dn.host.egress/1; nothing else is told of it */
} dn_comm_request;

DN_CONSTANT(int32_t, DN_COMM_OK, 0); /* an answer came, whatever the protocol's own status says */
DN_CONSTANT(int32_t, DN_COMM_BAD_INPUT, 1);
DN_CONSTANT(int32_t, DN_COMM_DENIED, 2); /* refused by the operator's policy */
DN_CONSTANT(int32_t, DN_COMM_RESOLVE, 3);
DN_CONSTANT(int32_t, DN_COMM_CONNECT, 4);
DN_CONSTANT(int32_t, DN_COMM_TLS, 5);
DN_CONSTANT(int32_t, DN_COMM_PROTOCOL, 6);
DN_CONSTANT(int32_t, DN_COMM_RESET, 7);
DN_CONSTANT(int32_t, DN_COMM_TOO_LARGE, 8);
DN_CONSTANT(int32_t, DN_COMM_DEADLINE, 9);
DN_CONSTANT(int32_t, DN_COMM_CANCELLED, 10);
DN_CONSTANT(int32_t, DN_COMM_OTHER, 11);
DN_CONSTANT(int32_t, DN_COMM_NO_MEMORY, 12); /* Since 1.2: the account has no room for the answer */

DN_CONSTANT(int32_t, DN_EFFECT_NOT_SENT, 0);
DN_CONSTANT(int32_t, DN_EFFECT_MAY_HAVE_HAPPENED, 1);
DN_CONSTANT(int32_t, DN_EFFECT_DONE, 2);

/* The end of one request, written by poll into the caller's array; the caller sets struct_size of each. */
typedef struct dn_completion {
    uint32_t struct_size;
    int32_t outcome; /* DN_COMM_* */
    int32_t effect;  /* DN_EFFECT_*: the host repeats only what was not sent, or is idempotent */
    int32_t protocol_status; /* HTTP status or the like, 0 = none */
    uint64_t token;
    const dn_bytes *DN_NULLABLE outputs; /* one per output set of the signature, borrow-until:release of token */
    uint32_t output_count;               /* 0 unless DN_COMM_OK */
    uint32_t padding;                    /* 0 */
    uint64_t total_ns;
    uint64_t bytes_sent;
    uint64_t bytes_received;
    char message[DN_MESSAGE_SIZE]; /* NUL-terminated sentence for the user, empty when OK */
} dn_completion;

typedef struct dn_reactor_params {
    uint32_t struct_size;
    int32_t core; /* the CPU that drives the reactor, -1 = none */
    uint64_t max_inflight;
} dn_reactor_params;

typedef struct dn_comm {
    uint32_t struct_size;
    uint32_t padding; /* 0 */

    /* *out static array of *count protocols. Since 1.0. Required. [any-thread] */
    dn_status (*DN_NULLABLE protocols)(
        dn_instance *instance, const dn_comm_protocol *DN_NULLABLE *DN_NONNULL out, uint64_t *count, dn_error *err);

    /* Checks a request without any I/O. Since 1.0. Required. [any-thread] request borrow-call; out the caller's.
     * DN_BAD_INPUT: byte offset in the first input and a sentence fit for the user. DN_PERMISSION: policy. */
    dn_status (*DN_NULLABLE validate)(
        dn_instance *instance, const dn_comm_request *request, dn_request_info *out, dn_error *err);

    /* Makes a reactor. Its calls are [serial]: the thread that drives it may change between calls.
     * Since 1.0. Required. params borrow-call; *out own, ended by reactor_destroy. */
    dn_status (*DN_NULLABLE reactor_create)(
        dn_instance *instance, const dn_reactor_params *params, dn_reactor *DN_NULLABLE *DN_NONNULL out, dn_error *err);
    /* Ends a reactor whose tokens are all released. Since 1.0. Required. [serial] */
    void (*DN_NULLABLE reactor_destroy)(dn_reactor *reactor);
    /* A descriptor that epoll(7) reports readable whenever poll has something to do, timeouts and wake included; valid
     * until reactor_destroy. Since 1.0. Required. [serial] */
    int32_t (*DN_NULLABLE reactor_fd)(dn_reactor *reactor);

    /* Begins a request; validates it again; never blocks. DN_OK promises exactly one completion; anything else promises
     * none. request itself borrow-call, its inputs as written there. Since 1.0. Required. [serial]
     * DN_BUSY: max_inflight. DN_BAD_INPUT, DN_PERMISSION as validate. */
    dn_status (*DN_NULLABLE submit)(dn_reactor *reactor, const dn_comm_request *request, dn_error *err);
    /* Drives I/O, waiting at most timeout ns (0 = not at all), and writes up to capacity completions. Returns early on
     * wake. Since 1.0. Required. [serial] */
    dn_status (*DN_NULLABLE poll)(
        dn_reactor *reactor, uint64_t timeout, dn_completion *out, uint64_t capacity, uint64_t *count, dn_error *err);
    /* Makes a poll, running or next, return early. Since 1.0. Required. [any-thread] */
    void (*DN_NULLABLE wake)(dn_reactor *reactor);
    /* Asks for an early end of token, which still completes once; an unknown token is ignored. Never blocks.
     * Since 1.0. Required. [any-thread] */
    void (*DN_NULLABLE cancel)(dn_reactor *reactor, uint64_t token);
    /* Ends the loan of a completion's outputs; once for each completion. Since 1.0. Required. [serial] */
    void (*DN_NULLABLE release)(dn_reactor *reactor, uint64_t token);
} dn_comm;

DN_END
#endif
