#include "arguments.h"
#include "../core/memory.h"
#include <dandelion/function.h>
#include <stdbool.h>
#include <string.h>

struct text {
    const char *at, *end;
};

static struct text item_named(const char *name) {
    size_t set = dandelion_input_set("stdio"), length = strlen(name);
    for (size_t i = 0; i < dandelion_input_count(set); i++) {
        const dandelion_item *item = dandelion_input(set, i);
        if (item->name_length == length && memcmp(item->name, name, length) == 0)
            return (struct text){item->data, (const char *)item->data + item->length};
    }
    return (struct text){NULL, NULL};
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0; }

/* Copies the next word to `to` and returns its end there, or NULL when there is none. */
static char *next_word(struct text *text, char *to) {
    while (text->at < text->end && blank(*text->at)) text->at++;
    if (text->at == text->end) return NULL;
    for (char quote = 0; text->at < text->end && (quote || !blank(*text->at)); text->at++) {
        char c = *text->at;
        if (quote ? c == quote : c == '\'' || c == '"') quote = quote ? 0 : c;
        else *to++ = c;
    }
    *to = 0;
    return to + 1;
}

/* A word and the blank after it take as many bytes as the word and its zero; the last may lack its blank. */
static size_t room_for(struct text text) { return (size_t)(text.end - text.at) + 1; }

static size_t most_words(struct text text) { return room_for(text) / 2 + 1; }

static char **split(struct text text, char **list, char **bytes) {
    for (char *end; (end = next_word(&text, *bytes)); *bytes = end) *list++ = *bytes;
    *list++ = NULL;
    return list;
}

int hl_read_arguments(struct hl_arguments *arguments, size_t auxiliary_words) {
    static const char name[] = "function";
    struct text argv = item_named("argv"), environment = item_named("environ");
    if (argv.at == argv.end) argv = (struct text){name, name + sizeof name - 1};
    size_t words = most_words(argv) + 1 + most_words(environment) + 1 + auxiliary_words;
    char **list = dandelion_allocate(words * sizeof *list + room_for(argv) + room_for(environment));
    if (!list) return -1;
    char *bytes = (char *)(list + words);
    arguments->vector = list;
    char **rest = split(argv, list, &bytes);
    arguments->count = (int)(rest - list) - 1;
    arguments->auxiliary = split(environment, rest, &bytes);
    return 0;
}
