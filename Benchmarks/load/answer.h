/* Recognising one complete HTTP/1.1 answer at the start of a buffer; what both load generators share. */
#ifndef BENCHMARKS_ANSWER_H
#define BENCHMARKS_ANSWER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct answer {
    size_t length; /* of the whole answer; 0 while it is incomplete */
    int status;
    const char *body;
    size_t body_length;
};

/* Exits when the answer is complete but has no Content-Length: nothing here reads chunks. */
static inline struct answer find_answer(const char *start, size_t used) {
    struct answer none = {0};
    const char *end = start + used, *blank = memmem(start, used, "\r\n\r\n", 4);
    if (!blank) return none;
    size_t length = SIZE_MAX;
    for (const char *line = start; line < blank; line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1)
        if (strncasecmp(line, "content-length:", 15) == 0) length = strtoul(line + 15, NULL, 10);
    if (length == SIZE_MAX) {
        fprintf(stderr, "an answer without Content-Length: %.*s\n", (int)(blank - start), start);
        exit(2);
    }
    const char *body = blank + 4;
    if ((size_t)(end - body) < length) return none;
    int status = used > 12 && strncmp(start, "HTTP/1.1 ", 9) == 0 ? atoi(start + 9) : 0;
    return (struct answer){(size_t)(body - start) + length, status, body, length};
}

#endif
