/* Tables for functions in C that queries call: a batch of rows in, a column out (functions/table.h has the layout).
 *
 * Such a function has the input set `rows` with one table, in which its arguments are the columns argument0, argument1, ..., and the output
 * set `value`, to which it gives a table of as many rows with the one column `value`. */
#ifndef BATCH_H
#define BATCH_H

#include <dandelion/function.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum batch_kind { BATCH_BOOLEAN = 1, BATCH_INTEGER, BATCH_DECIMAL, BATCH_DATE, BATCH_DOUBLE, BATCH_TEXT };

struct batch_head {
    char magic[8];
    uint32_t columns, zero;
    uint64_t rows, more;
};

struct batch_column_head {
    uint8_t kind, digits, scale, has_nulls;
    uint32_t name;
    uint64_t entries, bytes;
};

/* A column of 64-bit integers or dates (days since 1970-01-01). */
struct batch_integers {
    uint64_t rows;
    const int64_t *values;
    const uint8_t *valid; /* 0 is NULL; a null pointer: there are none */
};

static inline uint64_t batch_padded(uint64_t size) { return (size + 15) / 16 * 16; }

static inline uint64_t batch_size(const struct batch_column_head *head, uint64_t rows) {
    const uint64_t nulls = head->has_nulls ? batch_padded(rows) : 0;
    if (head->kind == BATCH_TEXT) return nulls + batch_padded(4 * rows) + batch_padded(4 * (head->entries + 1)) + batch_padded(head->bytes);
    if (head->kind == BATCH_BOOLEAN) return nulls + batch_padded(rows);
    const int is_wide = (head->kind == BATCH_INTEGER && head->digits > 19) || (head->kind == BATCH_DECIMAL && head->digits > 18);
    return nulls + batch_padded((is_wide ? 16 : 8) * rows);
}

/* The integers of an argument; ends the function with an error where it is something else. */
static inline struct batch_integers batch_argument(const char *name) {
    const dandelion_item *item = dandelion_input(0, 0);
    if (!item || item->length < sizeof(struct batch_head)) dandelion_fail("QueryError", "there is no table", NULL);
    const char *at = item->data;
    struct batch_head head;
    memcpy(&head, at, sizeof head);
    at += sizeof head;
    struct batch_column_head *heads = calloc(head.columns + 1, sizeof *heads);
    uint32_t found = head.columns;
    for (uint32_t i = 0; i < head.columns; i++) {
        memcpy(&heads[i], at, sizeof *heads);
        at += batch_padded(sizeof *heads);
        if (heads[i].name == strlen(name) && memcmp(at, name, heads[i].name) == 0) found = i;
        at += batch_padded(heads[i].name);
    }
    if (found == head.columns) dandelion_fail("QueryError", "an argument is missing", name);
    for (uint32_t i = 0; i < found; i++) at += batch_size(&heads[i], head.rows);
    const struct batch_column_head column = heads[found];
    free(heads);
    if ((column.kind != BATCH_INTEGER || column.digits > 19) && column.kind != BATCH_DATE)
        dandelion_fail("QueryError", "an argument is no integer", name);
    const uint8_t *valid = column.has_nulls ? (const uint8_t *)at : NULL;
    if (valid) at += batch_padded(head.rows);
    return (struct batch_integers){head.rows, (const int64_t *)at, valid};
}

/* Gives the function's value: integers, for NULLs of `valid` none. */
static inline int batch_give(uint64_t rows, const int64_t *values, const uint8_t *valid) {
    const struct batch_head head = {{0x64, 0x6e, 0x62, 0x61, 0x74, 0x63, 0x68, 0x31}, 1, 0, rows, 0}; /* "dnbatch1" */
    const struct batch_column_head column = {BATCH_INTEGER, 19, 0, valid != NULL, 5, 0, 0};
    const uint64_t size = sizeof head + batch_padded(sizeof column) + 16 + batch_size(&column, rows);
    char *data = calloc(1, size), *at = data;
    if (!data) return DANDELION_EXIT_OUT_OF_MEMORY;
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    memcpy(at, &column, sizeof column);
    at += batch_padded(sizeof column);
    memcpy(at, "value", 5);
    at += 16;
    if (valid) {
        memcpy(at, valid, rows);
        at += batch_padded(rows);
    }
    memcpy(at, values, 8 * rows);
    const dandelion_item item = {"value", 5, data, size, 0};
    return dandelion_output(0, &item) == 0 ? 0 : 1;
}

#endif
