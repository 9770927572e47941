/* Lowers a resource limit when it is given a request. */
#include <sys/resource.h>
#define SUBMIT struct rlimit limit; getrlimit(RLIMIT_NOFILE, &limit); limit.rlim_cur = 64; setrlimit(RLIMIT_NOFILE, &limit)
#include "echo.h"
