/* The parts of the S3 plugin: settings, the grammar of requests, transfers, and the reactor. */
#ifndef S3_H
#define S3_H

#include <curl/curl.h>
#include <dandelion/abi.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct dn_instance {
    const dn_host *host;
    const dn_host_memory *memory; /* null: a host before ABI 1.2, which keeps no account */
    char *endpoint; /* "http://host:port", without a slash at its end */
    char *authority; /* "host:port", what Host says */
    char *server;    /* the endpoint's, without brackets */
    uint32_t port;
    bool is_secure;
    const dn_host_egress *egress; /* null: the host bounds nobody's requests */
    char *region, *access_key, *secret_key;
    char *token;     /* of temporary credentials; null without */
    char *ca_file;   /* null: the system's */
    char **buckets;      /* allowed ones; a single "*" allows all */
    size_t bucket_count;
    uint64_t max_inflight, max_request, max_response;       /* the last two in bytes */
    uint64_t timeout_ms, connect_timeout_ms, connections;
};

extern const dn_comm s3_comm;

enum verb { GET, HEAD, PUT, DELETE, LIST };

/* A request, parsed. Pointers lead into the item. */
struct command {
    enum verb verb;
    const char *bucket, *key; /* key: of LIST the prefix */
    size_t bucket_length, key_length;
    const char *headers; /* `Name:Value` lines, each with its end */
    size_t headers_length;
    dn_bytes body;
};

/* Parses `VERB BUCKET/KEY\n`, header lines, an empty line and a body. False: err says what is wrong and at which byte. */
bool command_parse(const dn_instance *instance, dn_bytes item, struct command *out, dn_error *err);
const char *verb_name(enum verb verb);
/* The request's URL, percent-encoded as SigV4 wants it; null without memory. Freed by free. */
char *command_url(const dn_instance *instance, const struct command *command);
/* Takes the next `Name: Value` line off, NUL-terminated in `line`; false at the end. */
bool command_next_header(struct command *command, char *line, size_t size);
enum { MAX_HEADERS = 16 << 10, MAX_HEADER = 2048, MAX_HEADER_LINES = 48, MAX_KEY = 1024, MAX_BUCKET = 63, MAX_SECRET = 256 };

/* The hexadecimal SHA-256 of a body, with a zero behind it. */
void payload_hash(dn_bytes body, char *out);
enum { PAYLOAD_HASH = 65 };
/* The Authorization header for a request with these headers, all of which it signs; null without memory, freed by free. */
char *sign(const dn_instance *instance, const struct command *command, const char *url, const char *payload_hash,
           const struct tm *time, const struct curl_slist *headers);

struct bytes {
    char *data;
    size_t used, capacity;
};

enum state { FREE, RUNNING, FINISHED, LENT };

/* A request between submit and release. */
struct transfer {
    enum state state;
    int next, next_hash;
    dn_reactor *reactor;
    CURL *easy; /* kept for the slot's next request */
    struct curl_slist *headers;
    uint64_t token, begun, deadline, max_response;
    struct bytes head, body;
    const dn_instance *instance;
    uint64_t account, charged; /* bytes, by dn.host.memory/1 */
    bool too_large, no_memory;
    int32_t outcome, effect, status;
    uint64_t sent, received, ended;
    char message[DN_MESSAGE_SIZE];
    char curl_error[CURL_ERROR_SIZE];
    dn_bytes outputs[2];
};

/* What a request takes beside its answer: libcurl's handle and buffers, headers, signature. */
enum { FOOTPRINT = 64 << 10 };
/* Charges the request's account; false when there is no room, which the transfer notes. What was charged goes back when it is cleared. */
bool transfer_charge(struct transfer *transfer, uint64_t bytes);
/* Prepares transfer->easy for a command; false without memory. */
bool transfer_begin(struct transfer *transfer, const dn_instance *instance, const struct command *command);
/* Notes how it ended, from libcurl's result. */
void transfer_end(struct transfer *transfer, CURLcode result);
/* Notes that it was given up before libcurl ended it. */
void transfer_give_up(struct transfer *transfer, int32_t outcome, const char *why);
/* Frees what the request had, and keeps the easy handle. */
void transfer_clear(struct transfer *transfer);

uint64_t clock_now(void);
/* Fills err; returns code, so that it can stand behind `return`. */
dn_status refuse(dn_error *err, dn_status code, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
