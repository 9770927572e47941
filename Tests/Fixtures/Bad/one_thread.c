/* Takes requests only on the thread that made the reactor. */
#define SUBMIT if (!pthread_equal(pthread_self(), reactor->maker)) return DN_MISUSE
#include "echo.h"
