/* Answers of a server, which may say anything. */
#include "memcached.h"
#include <stdio.h>
#include <string.h>

enum { MAX_LINE = 512 };

static const char *const plain[] = {"STORED", "NOT_STORED", "EXISTS", "NOT_FOUND", "DELETED", "TOUCHED"};

static bool is(const char *line, size_t length, const char *text) {
    return length == strlen(text) && memcmp(line, text, length) == 0;
}

static bool starts(const char *line, size_t length, const char *text) {
    return length >= strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

/* Reads a number and what stands behind it; null when there is none. */
static const char *number(const char *at, const char *end, uint64_t *out) {
    const char *start = at;
    for (*out = 0; at < end && *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, (uint64_t)(*at - '0'), out)) return 0;
    return at == start ? 0 : at;
}

/* `VALUE key flags bytes cas`, the value, `END`. */
static enum progress read_value(
    const char *key, size_t key_length, const char *line, size_t line_length, const char *data, size_t length,
    size_t max_value, struct answer *out) {
    const char *at = line + 6, *end = line + line_length;
    uint64_t flags, bytes, cas;
    if (line_length < 6 + key_length || memcmp(at, key, key_length) != 0) return BROKEN;
    at += key_length;
    if (at == end || *at++ != ' ' || !(at = number(at, end, &flags))) return BROKEN;
    if (at == end || *at++ != ' ' || !(at = number(at, end, &bytes))) return BROKEN;
    if (at == end || *at++ != ' ' || number(at, end, &cas) != end) return BROKEN;
    if (bytes > max_value) return TOO_LARGE;
    static const char tail[] = "\r\nEND\r\n";
    const size_t head = (size_t)(end + 2 - data);
    out->used = head + bytes + sizeof tail - 1;
    if (length < out->used) return MORE;
    if (memcmp(data + head + bytes, tail, sizeof tail - 1) != 0) return BROKEN;
    snprintf(out->header, sizeof out->header, "HIT flags=%llu cas=%llu", (unsigned long long)flags,
             (unsigned long long)cas);
    out->value = data + head;
    out->value_length = bytes;
    return COMPLETE;
}

static enum progress keep_line(const char *line, size_t length, struct answer *out) {
    snprintf(out->header, sizeof out->header, "%.*s", (int)length, line);
    return COMPLETE;
}

enum progress answer_parse(
    enum verb verb, const char *key, size_t key_length, const char *data, size_t length, size_t max_value,
    struct answer *out) {
    out->header[0] = 0;
    out->value = "";
    out->value_length = 0;
    const char *line_end = length ? memmem(data, length < MAX_LINE ? length : MAX_LINE, "\r\n", 2) : 0;
    out->used = length + 1;
    if (!line_end) return length >= MAX_LINE ? BROKEN : MORE;
    const size_t line = (size_t)(line_end - data);
    out->used = line + 2;
    if (starts(data, line, "SERVER_ERROR")) return keep_line(data, line, out);
    if (verb == GET) {
        if (is(data, line, "END")) return keep_line("MISS", 4, out);
        if (!starts(data, line, "VALUE ")) return BROKEN;
        return read_value(key, key_length, data, line, data, length, max_value, out);
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (is(data, line, plain[i])) return keep_line(data, line, out);
    if (verb == INCREMENT || verb == DECREMENT) {
        uint64_t value;
        const char *end = number(data, line_end, &value);
        /* Decremented numbers may be padded with blanks. */
        const size_t digits = end ? (size_t)(end - data) : 0;
        while (end && end < line_end && *end == ' ') end++;
        if (end && end == line_end) {
            out->value = data;
            out->value_length = digits;
            return keep_line("NUMBER", 6, out);
        }
        if (starts(data, line, "CLIENT_ERROR")) return keep_line(data, line, out);
    }
    return BROKEN;
}
