/* Images: the text format "tiny 1", described in README.md. */
#include "plugin.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "tiny 1\n";

/* Operands by operation: r a register, n a number. */
static const struct { const char *name, *operands; } words[] = {
    [SET] = {"set", "rn"},       [ADD] = {"add", "rrr"},       [SUB] = {"sub", "rrr"}, [LOAD] = {"load", "rrn"},
    [STORE] = {"store", "rrn"},  [LOADB] = {"loadb", "rrn"},   [STOREB] = {"storeb", "rrn"},
    [JUMP] = {"jump", "rn"},     [TRAP] = {"trap", "n"},       [EXIT] = {"exit", "r"},
};

/* The rest of the text; lines end with a newline. */
struct cursor {
    const char *at, *end;
};

/* The next word of the line as a C string; 0 when the line has no more, or a word that is too long for any. */
static int word(struct cursor *text, char out[32]) {
    size_t length = 0;
    while (text->at < text->end && *text->at == ' ') text->at++;
    while (text->at < text->end && *text->at != ' ' && *text->at != '\n') {
        if (length == 31) return 0;
        out[length++] = *text->at++;
    }
    out[length] = 0;
    return length > 0;
}

static int number(const char *from, int64_t *out) {
    char *end;
    errno = 0;
    *out = strtoll(from, &end, 0);
    return *end == 0 && errno == 0;
}

/* Reads the operands of a line into `out`; 0 when they are not as the operation wants them. */
static int operands(struct cursor *line, const char *wanted, struct instruction *out) {
    uint8_t *registers[] = {&out->a, &out->b, &out->c};
    char text[32];
    int64_t value;
    for (int i = 0; wanted[i]; i++) {
        if (!word(line, text)) return 0;
        if (wanted[i] == 'n') {
            if (!number(text, &out->number)) return 0;
        } else {
            if (text[0] != 'r' || !number(text + 1, &value) || value < 0 || value >= REGISTERS) return 0;
            *registers[i] = (uint8_t)value;
        }
    }
    return !word(line, text);
}

/* One line: 1 an instruction, 0 nothing, -1 the end, -2 nonsense. */
static int parse(struct cursor *line, struct instruction *out) {
    char name[32], more[32];
    if (!word(line, name)) return line->at == line->end ? 0 : -2;
    if (name[0] == '#') return 0;
    if (strcmp(name, "end") == 0) return word(line, more) ? -2 : -1;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(name, words[i].name) != 0) continue;
        out->operation = (uint8_t)i;
        return operands(line, words[i].operands, out) ? 1 : -2;
    }
    return -2;
}

/* A jump may go to any instruction of the image. */
static dn_status check(const dn_image *image, dn_error *err) {
    for (uint64_t i = 0; i < image->count; i++) {
        const struct instruction *one = &image->code[i];
        if (one->operation == JUMP && (one->number < 0 || (uint64_t)one->number >= image->count))
            return fail(err, DN_BAD_IMAGE, one->at, "jumps to an instruction that does not exist");
    }
    return DN_OK;
}

dn_status image_load(dn_instance *instance, const dn_image_params *params, dn_image **out, dn_error *err) {
    (void)instance;
    const char *text = (const char *)params->bytes.data;
    uint64_t size = params->bytes.len, lines = 0;
    if (size < sizeof magic - 1 || memcmp(text, magic, sizeof magic - 1) != 0)
        return fail(err, DN_UNSUPPORTED, DN_NO_OFFSET, "does not begin with the line 'tiny 1'");
    if (size > 1 << 20) return fail(err, DN_BAD_IMAGE, DN_NO_OFFSET, "is larger than 1 MiB");
    for (uint64_t i = 0; i < size; i++) lines += text[i] == '\n';
    dn_image *image = calloc(1, sizeof *image + lines * sizeof *image->code);
    if (!image) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for the image");
    image->data_begin = DATA_BEGIN;
    uint64_t at = sizeof magic - 1;
    int found = 0;
    while (found >= 0) {
        const char *end = at < size ? memchr(text + at, '\n', size - at) : NULL;
        if (!end) {
            free(image);
            return fail(err, DN_BAD_IMAGE, at, "does not end with the line 'end'");
        }
        struct cursor line = {text + at, end};
        struct instruction *next = &image->code[image->count];
        next->at = (uint32_t)at;
        found = parse(&line, next);
        if (found == 1) image->count++;
        if (found == -2) {
            free(image);
            return fail(err, DN_BAD_IMAGE, at, "is no instruction that this backend knows");
        }
        at = (uint64_t)(end - text) + 1;
    }
    dn_status status = at == size ? check(image, err) : fail(err, DN_BAD_IMAGE, at, "goes on after the line 'end'");
    if (status != DN_OK) {
        free(image);
        return status;
    }
    *out = image;
    return DN_OK;
}

dn_status image_info(dn_image *image, dn_image_info *out, dn_error *err) {
    (void)err;
    out->pointer_bytes = 8;
    out->entry = 0;
    out->system_data = SYSTEM_DATA;
    out->data_begin = image->data_begin;
    out->context_min = image->data_begin > CONTEXT_MIN ? image->data_begin : CONTEXT_MIN;
    out->resident_bytes = sizeof *image + image->count * sizeof *image->code + (image->memory ? image->data_begin - LOW : 0);
    return DN_OK;
}

void image_unload(dn_image *image) {
    free(image->memory);
    free(image);
}
