#ifndef HL_ARGUMENTS_H
#define HL_ARGUMENTS_H

#include <stddef.h>

/* argv and the environment as the C library wants them: argv, NULL, environment, NULL, auxiliary words. */
struct hl_arguments {
    int count;
    char **vector;
    char **auxiliary;
};

/* Reads the items argv, environ and cwd of the input set stdio: words between blanks, where '...' and "..." keep blanks and
 * there are no escapes; the variable PWD is what cwd says. argv's first word is the program's name; without the item it is "function". Keeps
 * `auxiliary_words` words behind the two lists. Returns 0, or -1 when there is no memory. */
int hl_read_arguments(struct hl_arguments *arguments, size_t auxiliary_words);

#endif
