/* Renames the thread of the host that calls it. */
#define _GNU_SOURCE
#include <pthread.h>
#define SUBMIT pthread_setname_np(pthread_self(), "mine")
#include "echo.h"
