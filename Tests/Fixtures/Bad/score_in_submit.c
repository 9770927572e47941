/* Makes the node the first to be killed when memory is short. */
#include <fcntl.h>
#include <unistd.h>
#define SUBMIT int f = open("/proc/self/oom_score_adj", O_WRONLY); write(f, "500", 3); close(f)
#include "echo.h"
