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

/* What the environment has where nothing is said; programs may write to it. */
static char usual[][20] = {"HOME=/tmp", "PATH=/usr/bin:/bin", "TMPDIR=/tmp", "PWD=/"};
#define USUAL (sizeof usual / sizeof usual[0])

/* Whether both begin with the same name and "=". */
static bool same_name(const char *word, const char *usual_word) {
    for (; *word == *usual_word; word++, usual_word++)
        if (*word == '=' || !*word) return *word == '=';
    return false;
}

static bool has(char **list, char **end, const char *usual_word) {
    while (list < end && !same_name(*list, usual_word)) list++;
    return list < end;
}

size_t hl_working_item(const char **path) {
    struct text text = item_named("cwd");
    while (text.at < text.end && blank(text.end[-1])) text.end--;
    *path = text.at;
    return (size_t)(text.end - text.at);
}

/* The item cwd takes the place of a variable PWD. */
static char **add_working_directory(char **list, char **end, char **bytes) {
    const char *path;
    size_t length = hl_working_item(&path);
    if (length == 0) return end;
    char *word = *bytes;
    memcpy(word, "PWD=", 4);
    memcpy(word + 4, path, length);
    *bytes += 4 + length;
    *(*bytes)++ = 0;
    while (list < end && !same_name(*list, "PWD=")) list++;
    *list = word;
    return list < end ? end : end + 1;
}

static char **add_usual(char **list, char **end, char **bytes) {
    end = add_working_directory(list, end, bytes);
    for (size_t i = 0; i < USUAL; i++)
        if (!has(list, end, usual[i])) *end++ = usual[i];
    return end;
}

int hl_read_arguments(struct hl_arguments *arguments, enum hl_environment kind, size_t auxiliary_words) {
    static const char name[] = "function";
    struct text argv = item_named("argv"), environment = item_named("environ"), directory = item_named("cwd");
    if (argv.at == argv.end) argv = (struct text){name, name + sizeof name - 1};
    size_t words = most_words(argv) + 1 + most_words(environment) + USUAL + 1 + auxiliary_words;
    size_t bytes_needed = room_for(argv) + room_for(environment) + room_for(directory) + 4;
    char **list = dandelion_allocate(words * sizeof *list + bytes_needed);
    if (!list) return -1;
    char *bytes = (char *)(list + words);
    arguments->vector = list;
    char **rest = split(argv, list, &bytes);
    arguments->count = (int)(rest - list) - 1;
    char **end = split(environment, rest, &bytes) - 1;
    if (kind == HL_USUAL) end = add_usual(rest, end, &bytes);
    *end = NULL;
    arguments->auxiliary = end + 1;
    return 0;
}
