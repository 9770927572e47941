/* Does not reap a process that it made. */
#include <unistd.h>
#define START if (fork() == 0) _exit(0)
#include "echo.h"
