/* Views of text that lies in input items, and text that grows in the function's heap. */
#ifndef EXAMPLES_TEXT_H
#define EXAMPLES_TEXT_H

#include <dandelion/function.h>
#include <stdbool.h>
#include <string.h>

typedef struct {
    const char *start;
    size_t length;
} view;

#define VIEW(literal) ((view){literal, sizeof(literal) - 1})

static inline view view_of(const dandelion_item *item) { return (view){item->data, item->length}; }

static inline bool same(view a, view b) { return a.length == b.length && memcmp(a.start, b.start, a.length) == 0; }

static inline view without(view text, size_t count) { return (view){text.start + count, text.length - count}; }

/* Cuts off and returns what lies before the first `separator`, or all of it when there is none. */
static inline view next_until(view *rest, char separator) {
    const char *found = rest->length ? memchr(rest->start, separator, rest->length) : NULL;
    view part = {rest->start, found ? (size_t)(found - rest->start) : rest->length};
    *rest = without(*rest, found ? part.length + 1 : part.length);
    return part;
}

static inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static inline view trimmed(view text) {
    while (text.length && is_space(text.start[0])) text = without(text, 1);
    while (text.length && is_space(text.start[text.length - 1])) text.length--;
    return text;
}

/* True when `text` is a decimal number below 2^64. */
static inline bool number(view text, uint64_t *value) {
    uint64_t result = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text.start[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(result, 10, &result) || __builtin_add_overflow(result, digit, &result))
            return false;
    }
    *value = result;
    return text.length > 0;
}

/* Text that grows by doubling. Running out of memory leaves the function. */
struct text {
    char *start;
    size_t length, capacity;
};

static inline void append(struct text *text, view part) {
    if (text->capacity - text->length < part.length) {
        size_t capacity = 2 * (text->length + part.length) + 256;
        char *grown = dandelion_allocate(capacity);
        if (!grown) dandelion_exit(DANDELION_EXIT_OUT_OF_MEMORY);
        if (text->length) memcpy(grown, text->start, text->length);
        text->start = grown;
        text->capacity = capacity;
    }
    if (part.length) memcpy(text->start + text->length, part.start, part.length);
    text->length += part.length;
}

#define APPEND(text, literal) append(text, VIEW(literal))

static inline void append_number(struct text *text, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    append(text, (view){digits + at, sizeof digits - at});
}

static inline void append_spaces(struct text *text, size_t count) {
    for (; count > 0; count--) APPEND(text, " ");
}

/* Adds the text to an output set under a name and a key; gives 0, or the exit code 2 when there is no memory. */
static inline int emit(size_t set, const struct text *text, view name, size_t key) {
    dandelion_item item = {name.start, name.length, text->start, text->length, key};
    return dandelion_output(set, &item) == 0 ? 0 : 2;
}

#endif
