/* TOML 1.0 text to a flat tree of values, each with its place in the text; the parser is Debian's toml++ library. */
#ifndef DANDELION_CTOML_H
#define DANDELION_CTOML_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CT_TABLE ((int32_t)0)
#define CT_ARRAY ((int32_t)1)
#define CT_STRING ((int32_t)2)
#define CT_INTEGER ((int32_t)3)
#define CT_FLOAT ((int32_t)4)
#define CT_BOOLEAN ((int32_t)5)
#define CT_DATE ((int32_t)6) /* date, time, or both */

/* Lines and columns count from 1, columns in code points. Texts are not NUL-terminated and live as long as the tree. */
typedef struct ct_value {
    int32_t kind; /* CT_* */
    uint32_t line;
    uint32_t column;
    uint32_t key_line; /* of the key that names this value in its table; 0 inside an array and for the root */
    uint32_t key_column;
    uint32_t boolean;
    const char *_Nullable key;
    size_t key_length;
    const char *_Nullable text; /* CT_STRING */
    size_t text_length;
    int64_t integer;
    double number;
    size_t first_child; /* index of the first of child_count consecutive values */
    size_t child_count;
} ct_value;

typedef struct ct_tree ct_tree;

/* Parses length bytes, which are borrowed during the call. Null when memory is exhausted. */
ct_tree *_Nullable ct_parse(const char *_Nonnull text, size_t length);
/* What is wrong with the text, NUL-terminated, and where; null when it was well formed. */
const char *_Nullable ct_error(const ct_tree *_Nonnull tree, uint32_t *_Nonnull line, uint32_t *_Nonnull column);
/* All values, the root table first; *count is 0 after an error. */
const ct_value *_Nullable ct_values(const ct_tree *_Nonnull tree, size_t *_Nonnull count);
void ct_free(ct_tree *_Nullable tree);

#ifdef __cplusplus
}
#endif
#endif
