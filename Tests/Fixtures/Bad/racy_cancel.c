/* A cancel from another thread than the reactor's loses a request. */
#define CANCEL if (!pthread_equal(pthread_self(), reactor->maker)) reactor->lost = 1
#include "echo.h"
