/* The parts of the memcached plugin: settings, the grammar of requests, answers, and the reactor. */
#ifndef MEMCACHED_H
#define MEMCACHED_H

#include <dandelion/abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* One line of the setting `servers`. */
struct server {
    const char *name; /* as functions write it: "host:port" or "udp://host:port" */
    bool udp;
    char host[256]; /* without brackets */
    uint32_t port;
    struct sockaddr_storage address;
    socklen_t address_length;
};

struct dn_instance {
    struct server *servers;
    size_t server_count;
    char *names; /* what the servers' names point into */
    const dn_host *node;
    const dn_host_egress *egress; /* null: the host bounds nobody's requests */
    uint64_t connections;     /* per server and reactor */
    uint64_t max_inflight;    /* per reactor */
    uint64_t max_value;       /* bytes */
    uint64_t timeout;         /* ns, of a request without a deadline */
    uint64_t udp_timeout;     /* ns without an answer by UDP */
    uint64_t connect_timeout; /* ns */
};

extern const dn_comm memcached_comm;

enum verb { GET, SET, ADD, REPLACE, APPEND, PREPEND, CAS, DELETE, TOUCH, INCREMENT, DECREMENT };
enum { MAX_KEY = 250 }; /* memcached's own limit, doc/protocol.txt */

/* A request, parsed. Pointers lead into the item. */
struct command {
    enum verb verb;
    size_t server; /* index into the instance's */
    const char *key;
    size_t key_length;
    uint64_t flags, ttl, cas, delta;
    dn_bytes value;
};

/* Parses `VERB SERVER KEY [NAME=NUMBER]...\n[value]`. False: err says what is wrong and at which byte. */
bool command_parse(const dn_instance *instance, dn_bytes item, struct command *out, dn_error *err);
/* Whether the verb is followed by a value. */
bool verb_has_value(enum verb verb);
const char *verb_name(enum verb verb);
/* The most bytes that command_write needs. */
size_t command_size(const struct command *command);
/* Writes the command as memcached's text protocol has it; returns the bytes written. */
size_t command_write(const struct command *command, char *out);

enum progress { MORE, COMPLETE, BROKEN, TOO_LARGE };

/* What a server answered. The value points into the answer's bytes. */
struct answer {
    char header[160]; /* "HIT flags=0 cas=7", "STORED", "NOT_FOUND", ... */
    const char *value;
    size_t value_length;
    size_t used; /* bytes of the input that belong to it; needed so far when MORE */
};

/* Reads the answer to a command from what has come so far. A server is not trusted to keep the protocol: BROKEN. */
enum progress answer_parse(
    enum verb verb, const char *key, size_t key_length, const char *data, size_t length, size_t max_value,
    struct answer *out);

/* Fills err; returns code, so that it can stand behind `return`. */
dn_status refuse(dn_error *err, dn_status code, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
