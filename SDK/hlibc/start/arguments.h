#ifndef HL_ARGUMENTS_H
#define HL_ARGUMENTS_H

#include <stddef.h>

/* argv and the environment as the C library wants them: argv, NULL, environment, NULL, auxiliary words. */
struct hl_arguments {
    int count;
    char **vector;
    char **auxiliary;
};

/* The environment is what the item environ says, or that and what programs expect: HOME, PATH, TMPDIR, and PWD, which is
 * what cwd says. */
enum hl_environment { HL_AS_GIVEN, HL_USUAL };

/* Reads the items argv, environ and cwd of the input set stdio: words between blanks, where '...' and "..." keep blanks and
 * there are no escapes. argv's first word is the program's name; without the item it is "function". Keeps
 * `auxiliary_words` words behind the two lists. Returns 0, or -1 when there is no memory. */
int hl_read_arguments(struct hl_arguments *arguments, enum hl_environment kind, size_t auxiliary_words);

/* The folder that the item cwd names, not ended by a zero; its length, 0 without the item. */
size_t hl_working_item(const char **path);

#endif
