/* The inside of a reactor. Requests lie in slots; a server's requests wait in order until a connection takes them. */
#ifndef REACTOR_H
#define REACTOR_H

#include "memcached.h"
#include <pthread.h>

enum { NONE = -1, MAX_INFLIGHT = 4096, MAX_DEPTH = 256 };

/* TAKEN: off the list of those that wait, and about to be sent. */
enum state { FREE, WAITING, TAKEN, SENT, FINISHED, LENT };

struct slot {
    enum state state;
    int next;      /* in the list of its state */
    int next_hash; /* in the chain of its token */
    uint64_t token, begun, deadline;
    uint64_t max_value;
    uint64_t bytes_sent, bytes_received;
    struct command command; /* leads into the host's item, which is lent until the completion */
    struct stream *stream;  /* while SENT by TCP */
    int place;              /* its place in the stream's ring, or its id by UDP, while SENT */
    struct pieces *pieces;  /* of a UDP answer */
    int32_t outcome, effect;
    char message[DN_MESSAGE_SIZE];
    char header[160];
    char *value;
    dn_bytes outputs[2];
};

struct list {
    int first, last;
};

/* An answer that is due on a stream. It outlives its request, when that was given up. */
struct due {
    int slot; /* NONE: nobody waits for it */
    uint8_t verb, key_length;
    char key[MAX_KEY];
};

struct buffer {
    char *data;
    size_t used, capacity;
};

/* A TCP connection with many requests under way, answered in order. */
struct stream {
    int fd; /* NONE: not connected */
    uint16_t generation; /* of fd, so that an event of the last one is known as such */
    bool connecting, watches_output;
    uint64_t connect_deadline;
    size_t server;
    size_t flushed; /* of output */
    struct buffer output, input;
    struct due *due; /* a ring of MAX_DEPTH */
    int first, count;
};

/* What a reactor has of one server. */
struct link {
    struct list waiting;
    struct stream *streams; /* instance->connections of them; null by UDP */
    int datagrams;          /* UDP socket, NONE before the first request */
    uint16_t last_id;
    int *by_id; /* slots by the low bits of their UDP id */
};

struct dn_reactor {
    dn_instance *instance;
    int epoll, event, timer;
    bool ticking;
    bool must_flush;
    struct slot *slots;
    int slot_count, live; /* live: WAITING or SENT */
    int free_slots;       /* list by next */
    struct list finished;
    int *by_token;        /* chains */
    struct link *links;   /* one for each server */
    uint64_t now;
    pthread_mutex_t lock; /* of cancelled */
    uint64_t *cancelled;
    size_t cancelled_count, cancelled_capacity;
};

uint64_t clock_now(void);
bool buffer_reserve(struct buffer *buffer, size_t more);
void list_append(dn_reactor *reactor, struct list *list, int slot);
/* Takes the first off and marks it TAKEN; NONE when the list is empty. */
int list_take(dn_reactor *reactor, struct list *list);

/* Ends a request with an answer. */
void slot_answer(dn_reactor *reactor, int slot, const struct answer *answer);
/* Ends a request without one; its effect follows from its state. */
void slot_fail(dn_reactor *reactor, int slot, int32_t outcome, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* TCP. Sends what waits for the server as far as its streams take it. */
void streams_send(dn_reactor *reactor, size_t server);
/* Writes out what was put off. */
void streams_flush(dn_reactor *reactor);
/* `tag` as epoll gave it. */
void stream_ready(dn_reactor *reactor, uint64_t tag, uint32_t events);
/* Ends what took too long to connect, and streams on which nobody waits for an answer that is overdue. */
void streams_tick(dn_reactor *reactor);
/* The request was given up: its answer will be read and dropped. */
void stream_forget(dn_reactor *reactor, int slot);
void streams_destroy(dn_reactor *reactor);

/* UDP. */
void datagrams_send(dn_reactor *reactor, size_t server);
void datagrams_ready(dn_reactor *reactor, size_t server);
void datagram_forget(dn_reactor *reactor, int slot);
void datagrams_destroy(dn_reactor *reactor);
enum { MAX_DATAGRAM = 1400, DATAGRAM_HEADER = 8 };

/* What epoll says of: the event descriptor, the timer, a stream, or a UDP socket. */
enum source { SOURCE_EVENT, SOURCE_TIMER, SOURCE_STREAM, SOURCE_DATAGRAMS };

static inline uint64_t tag_of(enum source source, size_t server, size_t index, uint16_t generation) {
    return (uint64_t)source << 56 | (uint64_t)server << 32 | (uint64_t)index << 16 | generation;
}
static inline enum source tag_source(uint64_t tag) { return (enum source)(tag >> 56); }
static inline size_t tag_server(uint64_t tag) { return tag >> 32 & 0xffffff; }
static inline size_t tag_index(uint64_t tag) { return tag >> 16 & 0xffff; }

#endif
