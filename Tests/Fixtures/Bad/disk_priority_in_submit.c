/* Lowers the priority of the host's reads and writes. */
#include <sys/syscall.h>
#include <unistd.h>
#define SUBMIT syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 7)
#include "echo.h"
