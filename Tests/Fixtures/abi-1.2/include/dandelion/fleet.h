/* dn.fleet/1: what several nodes agree on. A plugin speaks to an engine that somebody else keeps alive (a replicated store):
 * values with compare-and-set, values that vanish unless they are renewed, watching both, and queues that forget nothing.
 * The operator's config names the plugin in [fleet]. Since 1.2.
 *
 * Calls may block, up to the time that each says; the host makes them on threads where nothing else waits. start does not
 * connect, and an engine that is away fails no instance: calls give DN_UNAVAILABLE until it is back, handles stay good, and
 * the plugin goes on trying. DN_TIMED_OUT of a call that changes something: whether it happened is not known.
 *
 * Keys are 1 to 200 bytes of segments joined by '.', each 1 or more of A-Z a-z 0-9 '_' '=' '-'; queues are named by one
 * segment of at most 64. Other ones are DN_INVALID, by whatever slot, and whether or not the engine is there.
 */
#ifndef DANDELION_FLEET_H
#define DANDELION_FLEET_H

#include "status.h"
#include "types.h"

DN_BEGIN

typedef struct dn_fleet_watch dn_fleet_watch; /* watch_close */
typedef struct dn_fleet_queue dn_fleet_queue; /* queue_close */

/* A space of keys: the same key in both is two. */
DN_CONSTANT(int32_t, DN_FLEET_LASTING, 0); /* values stay until they are removed */
DN_CONSTANT(int32_t, DN_FLEET_LEASED, 1);  /* values vanish dn_fleet_facts.lease after they were put last */

typedef struct dn_fleet_facts {
    uint32_t struct_size;
    int32_t is_connected; /* 1 when the engine could be reached a moment ago, else 0 */
    uint64_t lease;       /* ns, of DN_FLEET_LEASED */
    uint64_t max_value;   /* bytes of one value or message; it may change when another server is reached */
    char engine[DN_MESSAGE_SIZE]; /* NUL-terminated, for logs: what is connected to and its version, no secrets */
    uint64_t settle_time; /* ns within which a message that was given must be settled, or it is given again; more than 0 */
} dn_fleet_facts;

DN_CONSTANT(int32_t, DN_FLEET_PUT, 0);
DN_CONSTANT(int32_t, DN_FLEET_REMOVED, 1); /* key has no value any more; value is empty */
DN_CONSTANT(int32_t, DN_FLEET_CURRENT, 2); /* of a watch: all that had been there when it began has been told; no key */

typedef struct dn_fleet_entry {
    uint32_t struct_size;
    int32_t change; /* DN_FLEET_PUT and so on */
    dn_bytes key;
    dn_bytes value;
    uint64_t revision; /* larger for what came later, within a space; never 0 but of DN_FLEET_CURRENT */
} dn_fleet_entry;

/* Takes an entry: entry and its bytes borrow-call. */
typedef void (*dn_fleet_told)(void *DN_NULLABLE arg, const dn_fleet_entry *entry);

/* For `expected` of a change. */
#define DN_FLEET_ABSENT 0ull                      /* only if the key has no value */
#define DN_FLEET_WHATEVER 0xffffffffffffffffull   /* in any case */

typedef struct dn_fleet_message {
    uint32_t struct_size;
    uint32_t attempt; /* 1 when it is given for the first time, as far as the engine knows */
    uint64_t token;   /* for settle; never 0, unique for the queue's handle while the message is unsettled */
    dn_bytes bytes;
    uint64_t number; /* the same each time the message is given, and no other message's of the queue */
} dn_fleet_message;

/* Takes a message: message and its bytes borrow-call. */
typedef void (*dn_fleet_given)(void *DN_NULLABLE arg, const dn_fleet_message *message);

DN_CONSTANT(int32_t, DN_FLEET_DONE, 0);  /* it is gone */
DN_CONSTANT(int32_t, DN_FLEET_AGAIN, 1); /* somebody gets it again, after the delay */
DN_CONSTANT(int32_t, DN_FLEET_BUSY, 2);  /* work goes on: its time begins anew, and the token stays good */

typedef struct dn_fleet {
    uint32_t struct_size;
    uint32_t padding; /* 0 */

    /* out is the caller's, which sets struct_size. Never blocks. Since 1.2. Required. [any-thread] */
    dn_status (*DN_NULLABLE facts)(dn_instance *instance, dn_fleet_facts *out, dn_error *err);

    /* Tells the value that key has, as DN_FLEET_PUT, or nothing when it has none, before it returns DN_OK. What a change that
     * has returned DN_OK wrote, by whatever node, is seen. Blocks for at most timeout ns. Since 1.2. Required.
     * [any-thread] key, told borrow-call. */
    dn_status (*DN_NULLABLE get)(
        dn_instance *instance, int32_t space, dn_bytes key, uint64_t timeout, dn_fleet_told told, void *DN_NULLABLE arg,
        dn_error *err);

    /* Gives key a value if its revision is `expected` (DN_FLEET_ABSENT, DN_FLEET_WHATEVER); *revision is the new one. DN_OK:
     * it is kept, as safely as the engine is configured to. DN_CONFLICT: the revision is another. DN_LIMIT: longer than
     * max_value. Blocks for at most timeout ns. Since 1.2. Required. [any-thread] key, value borrow-call. */
    dn_status (*DN_NULLABLE put)(
        dn_instance *instance, int32_t space, dn_bytes key, dn_bytes value, uint64_t expected, uint64_t timeout,
        uint64_t *revision, dn_error *err);

    /* Takes key its value, as put; of a key that has none: DN_OK with DN_FLEET_ABSENT or _WHATEVER. Since 1.2. Required.
     * [any-thread] key borrow-call. */
    dn_status (*DN_NULLABLE remove)(
        dn_instance *instance, int32_t space, dn_bytes key, uint64_t expected, uint64_t timeout, dn_error *err);

    /* Watches the keys below prefix, which are it, '.' and more segments; all keys when it is empty. *out own, ended by watch_close. Blocks
     * for at most timeout ns. Since 1.2. Required. [any-thread] prefix borrow-call. */
    dn_status (*DN_NULLABLE watch_open)(
        dn_instance *instance, int32_t space, dn_bytes prefix, uint64_t timeout,
        dn_fleet_watch *DN_NULLABLE *DN_NONNULL out, dn_error *err);
    /* Tells the next change: first the values that are there, then DN_FLEET_CURRENT, then what changes, each key's changes in
     * their order, of which all but the last may be left out. That a lease ends need not be told. DN_TIMED_OUT: nothing
     * within timeout ns. DN_UNAVAILABLE: the watch is broken and is to be opened anew. Since 1.2. Required.
     * [serial] told borrow-call. */
    dn_status (*DN_NULLABLE watch_next)(
        dn_fleet_watch *watch, uint64_t timeout, dn_fleet_told told, void *DN_NULLABLE arg, dn_error *err);
    /* Since 1.2. Required. [serial] */
    void (*DN_NULLABLE watch_close)(dn_fleet_watch *watch);

    /* Opens a queue, which is made when there is none. *out own, ended by queue_close. Blocks for at most timeout ns.
     * Since 1.2. Required. [any-thread] name borrow-call. */
    dn_status (*DN_NULLABLE queue_open)(
        dn_instance *instance, dn_bytes name, uint64_t timeout, dn_fleet_queue *DN_NULLABLE *DN_NONNULL out, dn_error *err);
    /* Adds a message. DN_OK: it is kept until it is done. One whose id (1 to 128 bytes) was added a short while ago is
     * dropped, and DN_OK. DN_LIMIT: longer than max_value. Blocks for at most timeout ns. Since 1.2. Required.
     * [any-thread] id, bytes borrow-call. */
    dn_status (*DN_NULLABLE publish)(dn_fleet_queue *queue, dn_bytes id, dn_bytes bytes, uint64_t timeout, dn_error *err);
    /* Gives one message that nobody else has. It is given again, to anybody, when it is not settled for
     * dn_fleet_facts.settle_time. DN_TIMED_OUT: none came within timeout ns. Since 1.2. Required. [serial] given borrow-call. */
    dn_status (*DN_NULLABLE pull)(
        dn_fleet_queue *queue, uint64_t timeout, dn_fleet_given given, void *DN_NULLABLE arg, dn_error *err);
    /* Says what becomes of a message that was given by this handle; the token ends, but for DN_FLEET_BUSY. DN_OK of DONE: it
     * is given to nobody any more. delay ns, of AGAIN. DN_INVALID: no such token. Blocks for at most timeout ns.
     * Since 1.2. Required. [any-thread] */
    dn_status (*DN_NULLABLE settle)(
        dn_fleet_queue *queue, uint64_t token, int32_t verdict, uint64_t delay, uint64_t timeout, dn_error *err);
    /* Messages that it gave and that are not settled are given to somebody else in time. Since 1.2. Required. [serial], when
     * no other call of the handle is under way. */
    void (*DN_NULLABLE queue_close)(dn_fleet_queue *queue);
} dn_fleet;

DN_END
#endif
