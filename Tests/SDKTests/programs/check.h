/* Checks of the SDK's test programs: a failed one tells its line on standard error and ends the program with 1. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

/* The call must fail, and with this error. */
#define REFUSED(error, call) CHECK((errno = 0, (call) == -1 && errno == (error)))

#endif
