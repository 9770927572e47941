/* Lowers a resource limit of the process. */
#include <sys/resource.h>
#define START struct rlimit limit; getrlimit(RLIMIT_NOFILE, &limit); limit.rlim_cur = 64; setrlimit(RLIMIT_NOFILE, &limit)
#include "echo.h"
