/* The BSON body that invokes a matrix product, and the body of the right answer.
 *
 *     matmul_bson N NAME REQUEST_FILE REPLY_FILE
 *
 * The matrix holds i * 7 + 3 modulo 11 at its i-th place; the product is computed here, element by element. The
 * function's output set must be called `out`; its item keeps the name `a`.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct document {
    char *bytes;
    size_t length, capacity;
};

static void put(struct document *to, const void *bytes, size_t length) {
    if (to->capacity - to->length < length) {
        to->capacity = 2 * (to->length + length) + 1024;
        to->bytes = realloc(to->bytes, to->capacity);
        if (!to->bytes) exit(2);
    }
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
}

static void put_int32(struct document *to, size_t value) {
    uint32_t word = (uint32_t)value;
    put(to, &word, 4);
}

static void put_header(struct document *to, char type, const char *name) {
    put(to, &type, 1);
    put(to, name, strlen(name) + 1);
}

static void put_string(struct document *to, const char *name, const char *value) {
    put_header(to, 2, name);
    put_int32(to, strlen(value) + 1);
    put(to, value, strlen(value) + 1);
}

/* Starts a document (3) or an array (4); `end` writes its length. */
static size_t begin(struct document *to, char type, const char *name) {
    if (type) put_header(to, type, name);
    put_int32(to, 0);
    return to->length - 4;
}

static void end(struct document *to, size_t start) {
    put(to, "", 1);
    uint32_t length = (uint32_t)(to->length - start);
    memcpy(to->bytes + start, &length, 4);
}

static void put_sets(struct document *to, const char *set_name, const uint64_t *matrix, size_t size) {
    uint64_t key = 0;
    size_t sets = begin(to, 4, "sets"), set = begin(to, 3, "0");
    put_string(to, "identifier", set_name);
    size_t items = begin(to, 4, "items"), item = begin(to, 3, "0");
    put_string(to, "identifier", "a");
    put_header(to, 0x12, "key");
    put(to, &key, 8);
    put_header(to, 5, "data");
    put_int32(to, size);
    put(to, "", 1);
    put(to, matrix, size);
    end(to, item);
    end(to, items);
    end(to, set);
    end(to, sets);
}

static void write_file(const char *path, const struct document *document) {
    FILE *file = fopen(path, "w");
    if (!file || fwrite(document->bytes, 1, document->length, file) != document->length || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int count, char **arguments) {
    size_t n = count == 5 ? strtoul(arguments[1], NULL, 10) : 0;
    if (n == 0 || n > 4096) return fprintf(stderr, "usage: matmul_bson N NAME REQUEST_FILE REPLY_FILE\n"), 2;
    size_t words = n * n + 1;
    uint64_t *matrix = calloc(words, 8), *product = calloc(words, 8);
    if (!matrix || !product) return 2;
    matrix[0] = product[0] = n;
    for (size_t i = 0; i < n * n; i++) matrix[1 + i] = (i * 7 + 3) % 11;
    for (size_t row = 0; row < n; row++)
        for (size_t column = 0; column < n; column++)
            for (size_t k = 0; k < n; k++)
                product[1 + row * n + column] += matrix[1 + row * n + k] * matrix[1 + k * n + column];

    struct document request = {0}, reply = {0};
    size_t start = begin(&request, 0, NULL);
    put_string(&request, "name", arguments[2]);
    put_sets(&request, "in", matrix, words * 8);
    end(&request, start);
    write_file(arguments[3], &request);
    start = begin(&reply, 0, NULL);
    put_sets(&reply, "out", product, words * 8);
    end(&reply, start);
    write_file(arguments[4], &reply);
    return 0;
}
