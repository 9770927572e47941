/* Responses as the HTTP function gives them: a `headers` item and a `bodies` item of the same key. */
#ifndef EXAMPLES_RESPONSE_H
#define EXAMPLES_RESPONSE_H

#include "../functions/text.h"

/* The status code in `HTTP/1.1 200 OK`, or 0; `status` becomes what follows the version: `200 OK`. */
static inline uint64_t status_code(const dandelion_item *headers, view *status) {
    view rest = view_of(headers);
    view line = trimmed(next_until(&rest, '\n'));
    next_until(&line, ' ');
    *status = line;
    uint64_t code;
    return number(next_until(&line, ' '), &code) ? code : 0;
}

/* The item of a set with that key, or NULL. */
static inline const dandelion_item *with_key(size_t set, size_t key) {
    for (size_t i = 0; i < dandelion_input_count(set); i++)
        if (dandelion_input(set, i)->key == key) return dandelion_input(set, i);
    return NULL;
}

#endif
