/* A right engine of a fleet, in the process's own memory. A fixture replaces one part by a macro before it includes this. */
#include <dandelion/abi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CHANGES = 4096, MOST_BYTES = 256, MOST_MESSAGES = 64 };
#define LEASE 600000000ull
#define SETTLE_TIME 400000000ull

/* May a change that expects `expected` be made to a key whose revision is `present`, 0 = none? */
#ifndef ALLOWED
#define ALLOWED expected == DN_FLEET_WHATEVER || expected == present
#endif
#ifndef NAMED
#define NAMED(name, most, dots) is_name(name, most, dots)
#endif
#ifndef GET
#define GET
#endif
#ifndef IS_OVER
#define IS_OVER(one) ((one)->space == DN_FLEET_LEASED && now() - (one)->when > LEASE)
#endif
#ifndef IS_BELOW
#define IS_BELOW(watch, one) is_below(watch, one)
#endif
#ifndef TELLS_CURRENT
#define TELLS_CURRENT 1
#endif
#ifndef IS_TAKEN
#define IS_TAKEN(message) ((message)->is_taken && now() - (message)->when < SETTLE_TIME)
#endif
#ifndef BUSY
#define BUSY(message) (message)->when = now()
#endif
#ifndef NUMBER
#define NUMBER(message) (uint64_t)((message) - messages) + 1
#endif
#ifndef IS_KNOWN
#define IS_KNOWN(id) is_known(id)
#endif
#ifndef DONE
#define DONE(message) (message)->is_done = 1
#endif
#ifndef SPACE
#define SPACE space
#endif
#ifndef CLOSE_WATCH
#define CLOSE_WATCH
#endif

struct change {
    int32_t space, what;
    uint64_t when, key_length, length;
    char key[MOST_BYTES], value[MOST_BYTES];
};
struct message {
    uint64_t id_length, length;
    char queue[64 + 1], id[128], bytes[MOST_BYTES];
    int is_taken, is_done;
    uint64_t when;
    uint32_t attempt;
};
struct dn_fleet_watch {
    int32_t space;
    uint64_t next, begin;
    int is_current;
    char prefix[MOST_BYTES];
};
struct dn_fleet_queue {
    char name[64 + 1];
};

/* What a process's instances have in common, as with an engine elsewhere; a revision is an index. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct change changes[MOST_CHANGES];
static uint64_t count = 1;
static struct message messages[MOST_MESSAGES];
static int message_count;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}
static inline int is_name(dn_bytes name, uint64_t most, int dots) {
    if (name.len == 0 || name.len > most || name.data[0] == '.' || name.data[name.len - 1] == '.') return 0;
    for (uint64_t i = 0; i < name.len; i++) {
        char one = (char)name.data[i];
        if (one == '.' && dots && name.data[i - 1] != '.') continue;
        if (one == 0 || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_=-", one)) return 0;
    }
    return 1;
}
#define REQUIRE(is_right) \
    if (!(is_right)) return DN_INVALID

static dn_status facts(dn_instance *i, dn_fleet_facts *out, dn_error *err) {
    (void)i, (void)err;
    out->is_connected = 1;
    out->lease = LEASE;
    out->max_value = MOST_BYTES;
    out->settle_time = SETTLE_TIME;
    strcpy(out->engine, "memory");
    return DN_OK;
}
/* The revision of a key, 0 = it has no value. */
static uint64_t present_of(int32_t space, dn_bytes key) {
    for (uint64_t i = count - 1; i > 0; i--) {
        struct change *one = &changes[i];
        if (one->space != space || one->key_length != key.len || memcmp(one->key, key.data, key.len) != 0) continue;
        return one->what == DN_FLEET_PUT && !(IS_OVER(one)) ? i : 0;
    }
    return 0;
}
static void tell(uint64_t revision, dn_fleet_told told, void *arg) {
    struct change *one = &changes[revision];
    dn_fleet_entry entry = {sizeof entry, one->what, {(uint8_t *)one->key, one->key_length}, {(uint8_t *)one->value, one->length}, revision};
    told(arg, &entry);
}
static dn_status get(
    dn_instance *i, int32_t space, dn_bytes key, uint64_t timeout, dn_fleet_told told, void *arg, dn_error *err) {
    (void)i, (void)timeout, (void)err;
    REQUIRE(NAMED(key, 200, 1));
    GET;
    pthread_mutex_lock(&lock);
    uint64_t present = present_of(SPACE, key);
    pthread_mutex_unlock(&lock);
    if (present) tell(present, told, arg);
    return DN_OK;
}
static dn_status change(int32_t space, int32_t what, dn_bytes key, dn_bytes value, uint64_t expected, uint64_t *revision) {
    if (value.len > MOST_BYTES || count == MOST_CHANGES) return DN_LIMIT;
    dn_status status = DN_CONFLICT;
    pthread_mutex_lock(&lock);
    uint64_t present = present_of(space, key);
    if (what == DN_FLEET_REMOVED && present == 0 && (expected == DN_FLEET_ABSENT || expected == DN_FLEET_WHATEVER)) {
        status = DN_OK;
    } else if (ALLOWED) {
        struct change *one = &changes[count];
        *one = (struct change){.space = space, .what = what, .when = now(), .key_length = key.len, .length = value.len};
        memcpy(one->key, key.data, key.len);
        if (value.len) memcpy(one->value, value.data, value.len);
        *revision = count++;
        status = DN_OK;
    }
    pthread_mutex_unlock(&lock);
    return status;
}
static dn_status put(
    dn_instance *i, int32_t space, dn_bytes key, dn_bytes value, uint64_t expected, uint64_t timeout, uint64_t *revision,
    dn_error *err) {
    (void)i, (void)timeout, (void)err;
    REQUIRE(NAMED(key, 200, 1));
    return change(SPACE, DN_FLEET_PUT, key, value, expected, revision);
}
static dn_status remove_(
    dn_instance *i, int32_t space, dn_bytes key, uint64_t expected, uint64_t timeout, dn_error *err) {
    (void)i, (void)timeout, (void)err;
    REQUIRE(NAMED(key, 200, 1));
    uint64_t revision;
    return change(SPACE, DN_FLEET_REMOVED, key, (dn_bytes){0, 0}, expected, &revision);
}
static dn_status watch_open(
    dn_instance *i, int32_t space, dn_bytes prefix, uint64_t timeout, dn_fleet_watch **out, dn_error *err) {
    (void)i, (void)timeout, (void)err;
    if (prefix.len) REQUIRE(NAMED(prefix, 200, 1));
    dn_fleet_watch *watch = calloc(1, sizeof *watch);
    if (!watch) return DN_NO_MEMORY;
    watch->space = space;
    watch->next = 1;
    pthread_mutex_lock(&lock);
    watch->begin = count;
    pthread_mutex_unlock(&lock);
    if (prefix.len) memcpy(watch->prefix, prefix.data, prefix.len), watch->prefix[prefix.len] = '.';
    *out = watch;
    return DN_OK;
}
static inline int is_below(dn_fleet_watch *watch, struct change *one) {
    return strncmp(one->key, watch->prefix, strlen(watch->prefix)) == 0;
}
static dn_status watch_next(dn_fleet_watch *watch, uint64_t timeout, dn_fleet_told told, void *arg, dn_error *err) {
    (void)err;
    uint64_t end = now() + timeout;
    do {
        if (!watch->is_current && watch->next == watch->begin) {
            watch->is_current = 1;
            dn_fleet_entry entry = {sizeof entry, DN_FLEET_CURRENT, {0, 0}, {0, 0}, 0};
            if (TELLS_CURRENT) return told(arg, &entry), DN_OK;
        }
        pthread_mutex_lock(&lock);
        uint64_t last = count;
        pthread_mutex_unlock(&lock);
        while (watch->next < (watch->is_current ? last : watch->begin)) {
            struct change *one = &changes[watch->next++];
            if (one->space == watch->space && IS_BELOW(watch, one)) return tell(watch->next - 1, told, arg), DN_OK;
        }
        if (watch->is_current) usleep(1000);
    } while (now() < end);
    return DN_TIMED_OUT;
}
static void watch_close(dn_fleet_watch *watch) { CLOSE_WATCH; free(watch); }

static dn_status queue_open(dn_instance *i, dn_bytes name, uint64_t timeout, dn_fleet_queue **out, dn_error *err) {
    (void)i, (void)timeout, (void)err;
    REQUIRE(NAMED(name, 64, 0));
    dn_fleet_queue *queue = calloc(1, sizeof *queue);
    if (!queue) return DN_NO_MEMORY;
    memcpy(queue->name, name.data, name.len < 64 ? name.len : 64);
    *out = queue;
    return DN_OK;
}
static inline int is_known(dn_bytes id) {
    for (int i = 0; i < message_count; i++)
        if (messages[i].id_length == id.len && memcmp(messages[i].id, id.data, id.len) == 0) return 1;
    return 0;
}
static dn_status publish(dn_fleet_queue *queue, dn_bytes id, dn_bytes bytes, uint64_t timeout, dn_error *err) {
    (void)timeout, (void)err;
    if (id.len == 0 || id.len > 128) return DN_INVALID;
    if (bytes.len > MOST_BYTES || message_count == MOST_MESSAGES) return DN_LIMIT;
    pthread_mutex_lock(&lock);
    if (!(IS_KNOWN(id))) {
        struct message *one = &messages[message_count++];
        one->id_length = id.len, one->length = bytes.len;
        strcpy(one->queue, queue->name);
        memcpy(one->id, id.data, id.len);
        if (bytes.len) memcpy(one->bytes, bytes.data, bytes.len);
    }
    pthread_mutex_unlock(&lock);
    return DN_OK;
}
static dn_status pull(dn_fleet_queue *queue, uint64_t timeout, dn_fleet_given given, void *arg, dn_error *err) {
    (void)err;
    uint64_t end = now() + timeout;
    do {
        pthread_mutex_lock(&lock);
        struct message *found = 0;
        for (int i = 0; i < message_count && !found; i++)
            if (!messages[i].is_done && !(IS_TAKEN(&messages[i])) && strcmp(messages[i].queue, queue->name) == 0) found = &messages[i];
        if (found) found->is_taken = 1, found->when = now(), found->attempt++;
        pthread_mutex_unlock(&lock);
        if (found) {
            dn_fleet_message message = {
                sizeof message, found->attempt, (uint64_t)(found - messages) + 1, {(uint8_t *)found->bytes, found->length},
                NUMBER(found)};
            return given(arg, &message), DN_OK;
        }
        usleep(1000);
    } while (now() < end);
    return DN_TIMED_OUT;
}
static dn_status settle(
    dn_fleet_queue *queue, uint64_t token, int32_t verdict, uint64_t delay, uint64_t timeout, dn_error *err) {
    (void)queue, (void)delay, (void)timeout, (void)err;
    pthread_mutex_lock(&lock);
    int is_right = token > 0 && token <= (uint64_t)message_count && messages[token - 1].is_taken && !messages[token - 1].is_done;
    if (is_right && verdict == DN_FLEET_DONE) DONE(&messages[token - 1]);
    if (is_right && verdict == DN_FLEET_AGAIN) messages[token - 1].is_taken = 0;
    if (is_right && verdict == DN_FLEET_BUSY) BUSY(&messages[token - 1]);
    pthread_mutex_unlock(&lock);
    return is_right ? DN_OK : DN_INVALID;
}
static void queue_close(dn_fleet_queue *queue) { free(queue); }

static const dn_fleet fleet = {sizeof fleet, 0, facts, get, put, remove_, watch_open, watch_next, watch_close,
                               queue_open, publish, pull, settle, queue_close};

static dn_status probe(const dn_host *host, dn_bytes config, dn_probe *out, dn_error *err) {
    (void)host, (void)config, (void)err;
    out->availability = DN_AVAILABLE;
    out->reason = DN_REASON_NONE;
    out->message[0] = 0;
    return DN_OK;
}
static dn_status start(const dn_host *host, dn_bytes config, dn_instance **out, dn_error *err) {
    (void)host, (void)config, (void)err;
    *out = malloc(1);
    return *out ? DN_OK : DN_NO_MEMORY;
}
static void stop(dn_instance *instance) { free(instance); }
static const void *get_interface(const char *id) { return strcmp(id, DN_FLEET_1) == 0 ? &fleet : 0; }

static const dn_plugin plugin = {
    DN_PLUGIN_MAGIC, sizeof plugin, DN_ABI_MAJOR, DN_ABI_MINOR, sizeof(void *), 0, "org.example.fleet", "fleet", "1.0.0",
    "fixture", "Apache-2.0", "An engine of a fleet in memory.", 0, probe, start, stop, get_interface};
#pragma GCC visibility push(default)
const dn_plugin *dn_plugin_entry_v1(uint32_t minor) { (void)minor; return &plugin; }
#pragma GCC visibility pop
