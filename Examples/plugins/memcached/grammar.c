/* Requests as functions write them, and as memcached reads them (its doc/protocol.txt). */
#include "memcached.h"
#include <stdio.h>
#include <string.h>

struct verb_rule {
    const char *name;
    bool has_value;
    const char *options; /* the names that it takes, each with a blank behind it */
};

static const struct verb_rule rules[] = {
    [GET] = {"get", false, ""},
    [SET] = {"set", true, "ttl flags "},
    [ADD] = {"add", true, "ttl flags "},
    [REPLACE] = {"replace", true, "ttl flags "},
    [APPEND] = {"append", true, ""},
    [PREPEND] = {"prepend", true, ""},
    [CAS] = {"cas", true, "ttl flags cas "},
    [DELETE] = {"delete", false, ""},
    [TOUCH] = {"touch", false, "ttl "},
    [INCREMENT] = {"incr", false, "by "},
    [DECREMENT] = {"decr", false, "by "},
};
enum { VERBS = sizeof rules / sizeof *rules };

bool verb_has_value(enum verb verb) { return rules[verb].has_value; }
const char *verb_name(enum verb verb) { return rules[verb].name; }

/* A word of the first line. */
struct word {
    const char *start;
    size_t length;
};

static struct word next_word(const char **at, const char *end) {
    while (*at < end && **at == ' ') ++*at;
    struct word word = {*at, 0};
    while (*at < end && **at != ' ') ++*at, ++word.length;
    return word;
}

static bool equals(struct word word, const char *text) {
    return word.length == strlen(text) && memcmp(word.start, text, word.length) == 0;
}

static bool read_number(struct word word, uint64_t *out) {
    uint64_t value = 0;
    if (word.length == 0 || word.length > 20) return false;
    for (size_t i = 0; i < word.length; i++) {
        unsigned digit = (unsigned)(word.start[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

static bool read_verb(struct word word, enum verb *out) {
    for (unsigned verb = 0; verb < VERBS; verb++)
        if (equals(word, rules[verb].name)) return *out = verb, true;
    /* As in the original system. */
    if (equals(word, "MEMCACHED_GET")) return *out = GET, true;
    if (equals(word, "MEMCACHED_SET")) return *out = SET, true;
    return false;
}

static bool read_server(const dn_instance *instance, struct word word, size_t *out) {
    for (size_t i = 0; i < instance->server_count; i++)
        if (equals(word, instance->servers[i].name)) return *out = i, true;
    return false;
}

static bool is_key(struct word word) {
    if (word.length == 0 || word.length > MAX_KEY) return false;
    for (size_t i = 0; i < word.length; i++)
        if ((unsigned char)word.start[i] <= ' ' || word.start[i] == 0x7f) return false;
    return true;
}

static bool is_option_of(enum verb verb, struct word name) {
    for (const char *at = rules[verb].options; *at; at = strchr(at, ' ') + 1)
        if (strncmp(at, name.start, name.length) == 0 && at[name.length] == ' ') return true;
    return false;
}

static bool read_option(struct command *command, struct word word) {
    const char *sign = memchr(word.start, '=', word.length);
    if (!sign || sign == word.start) return false;
    struct word name = {word.start, (size_t)(sign - word.start)};
    struct word number = {sign + 1, word.length - name.length - 1};
    uint64_t value;
    if (!is_option_of(command->verb, name) || !read_number(number, &value)) return false;
    if (equals(name, "ttl") && value <= INT32_MAX) return command->ttl = value, true;
    if (equals(name, "flags") && value <= UINT32_MAX) return command->flags = value, true;
    if (equals(name, "cas")) return command->cas = value, true;
    if (equals(name, "by")) return command->delta = value, true;
    return false;
}

bool command_parse(const dn_instance *instance, dn_bytes item, struct command *out, dn_error *err) {
    const char *start = (const char *)item.data, *end = item.len ? memchr(start, '\n', item.len) : 0;
    const char *line_end = end ? end : start + item.len;
    const char *at = start;
    if (line_end > start && line_end[-1] == '\r') line_end--;
    *out = (struct command){.delta = 1};
    struct word word = next_word(&at, line_end);
#define REFUSE(...) return refuse(err, DN_BAD_INPUT, (uint64_t)(word.start - start), __VA_ARGS__), false
    if (!read_verb(word, &out->verb))
        REFUSE("unknown command: the first line is VERB SERVER KEY, with get, set, add, replace, append, prepend, cas, "
               "delete, touch, incr or decr");
    word = next_word(&at, line_end);
    if (!read_server(instance, word, &out->server)) {
        if (word.length == 0) REFUSE("the server is missing behind '%s'", verb_name(out->verb));
        refuse(err, DN_PERMISSION, (uint64_t)(word.start - start), "server '%.*s' is not one that the operator allows",
               (int)(word.length < 100 ? word.length : 100), word.start);
        return false;
    }
    word = next_word(&at, line_end);
    if (!is_key(word)) REFUSE("a key has 1 to %d bytes, without blanks and control characters", MAX_KEY);
    out->key = word.start;
    out->key_length = word.length;
    for (word = next_word(&at, line_end); word.length > 0; word = next_word(&at, line_end))
        if (!read_option(out, word))
            REFUSE("'%s' takes only %s", verb_name(out->verb),
                   *rules[out->verb].options ? rules[out->verb].options : "a server and a key");
    size_t rest = end ? (size_t)(start + item.len - (end + 1)) : 0;
    word.start = end ? end + 1 : line_end;
    if (!verb_has_value(out->verb)) {
        if (rest > 0) REFUSE("'%s' takes no value", verb_name(out->verb));
    } else if (!end) {
        REFUSE("the value of '%s' stands behind the first line, which has no end", verb_name(out->verb));
    } else if (rest > instance->max_value) {
        REFUSE("the value has %zu bytes, %llu are allowed", rest, (unsigned long long)instance->max_value);
    }
    if (out->verb == CAS && out->cas == 0) REFUSE("'cas' needs cas=NUMBER, as a get told it");
#undef REFUSE
    out->value = (dn_bytes){.data = (const uint8_t *)(end ? end + 1 : 0), .len = rest};
    return true;
}

size_t command_size(const struct command *command) { return command->key_length + command->value.len + 128; }

size_t command_write(const struct command *command, char *out) {
    const int key = (int)command->key_length;
    int head = 0;
    switch (command->verb) {
    case GET: return (size_t)sprintf(out, "gets %.*s\r\n", key, command->key);
    case DELETE: return (size_t)sprintf(out, "delete %.*s\r\n", key, command->key);
    case TOUCH:
        return (size_t)sprintf(out, "touch %.*s %llu\r\n", key, command->key, (unsigned long long)command->ttl);
    case INCREMENT:
    case DECREMENT:
        return (size_t)sprintf(out, "%s %.*s %llu\r\n", verb_name(command->verb), key, command->key,
                               (unsigned long long)command->delta);
    default:
        head = sprintf(out, "%s %.*s %llu %llu %llu", verb_name(command->verb), key, command->key,
                       (unsigned long long)command->flags, (unsigned long long)command->ttl,
                       (unsigned long long)command->value.len);
        if (command->verb == CAS) head += sprintf(out + head, " %llu", (unsigned long long)command->cas);
        memcpy(out + head, "\r\n", 2);
        if (command->value.len > 0) memcpy(out + head + 2, command->value.data, command->value.len);
        memcpy(out + head + 2 + command->value.len, "\r\n", 2);
        return (size_t)head + command->value.len + 4;
    }
}
