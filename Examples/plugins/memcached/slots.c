/* Requests from submit to release. */
#include "reactor.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t clock_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

bool buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->capacity - buffer->used >= more) return true;
    size_t capacity = buffer->capacity * 2 > buffer->used + more ? buffer->capacity * 2 : buffer->used + more;
    if (capacity < 4096) capacity = 4096;
    char *data = realloc(buffer->data, capacity);
    if (!data) return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void list_append(dn_reactor *reactor, struct list *list, int slot) {
    reactor->slots[slot].next = NONE;
    if (list->first == NONE) list->first = slot;
    else reactor->slots[list->last].next = slot;
    list->last = slot;
}

int list_take(dn_reactor *reactor, struct list *list) {
    int slot = list->first;
    if (slot == NONE) return NONE;
    list->first = reactor->slots[slot].next;
    reactor->slots[slot].state = TAKEN;
    return slot;
}

static void list_remove(dn_reactor *reactor, struct list *list, int slot) {
    int before = NONE;
    for (int at = list->first; at != NONE; before = at, at = reactor->slots[at].next) {
        if (at != slot) continue;
        if (before == NONE) list->first = reactor->slots[at].next;
        else reactor->slots[before].next = reactor->slots[at].next;
        if (list->last == slot) list->last = before;
        return;
    }
}

static void finish(dn_reactor *reactor, int index) {
    struct slot *slot = &reactor->slots[index];
    slot->state = FINISHED;
    reactor->live--;
    list_append(reactor, &reactor->finished, index);
}

void slot_answer(dn_reactor *reactor, int index, const struct answer *answer) {
    struct slot *slot = &reactor->slots[index];
    slot->bytes_received = answer->used;
    slot->effect = DN_EFFECT_DONE;
    slot->outcome = DN_COMM_OK;
    slot->message[0] = 0;
    memcpy(slot->header, answer->header, sizeof slot->header);
    slot->value = malloc(answer->value_length + 1);
    if (!slot->value) {
        slot->outcome = DN_COMM_OTHER;
        snprintf(slot->message, sizeof slot->message, "no memory for a value of %zu bytes", answer->value_length);
    } else {
        memcpy(slot->value, answer->value, answer->value_length);
        slot->outputs[0] = (dn_bytes){.data = (const uint8_t *)slot->header, .len = strlen(slot->header)};
        slot->outputs[1] = (dn_bytes){.data = (const uint8_t *)slot->value, .len = answer->value_length};
    }
    finish(reactor, index);
}

void slot_fail(dn_reactor *reactor, int index, int32_t outcome, const char *format, ...) {
    struct slot *slot = &reactor->slots[index];
    const struct server *server = &reactor->instance->servers[slot->command.server];
    slot->outcome = outcome;
    slot->effect = slot->state == SENT ? DN_EFFECT_MAY_HAVE_HAPPENED : DN_EFFECT_NOT_SENT;
    int head = snprintf(slot->message, sizeof slot->message, "%s: ", server->name);
    va_list arguments;
    va_start(arguments, format);
    if (head >= 0 && (size_t)head < sizeof slot->message)
        vsnprintf(slot->message + head, sizeof slot->message - (size_t)head, format, arguments);
    va_end(arguments);
    if (slot->state == WAITING) {
        list_remove(reactor, &reactor->links[slot->command.server].waiting, index);
    } else if (slot->state == SENT) {
        if (server->udp) datagram_forget(reactor, index);
        else stream_forget(reactor, index);
    }
    finish(reactor, index);
}
