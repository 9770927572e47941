/* Gives the thread of the host a session keyring of its own. */
#include <sys/syscall.h>
#include <unistd.h>
#define SUBMIT syscall(SYS_keyctl, 1, 0)
#include "echo.h"
