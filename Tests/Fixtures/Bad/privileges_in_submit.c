/* Gives up the right to gain privileges by execve(2), for the whole process. */
#include <sys/prctl.h>
#define SUBMIT prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
#include "echo.h"
