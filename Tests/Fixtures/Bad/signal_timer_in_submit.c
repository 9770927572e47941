/* Makes a timer that sends the process a signal. */
#include <signal.h>
#include <time.h>
#define SUBMIT timer_t t; static int made; if (!made++) timer_create(CLOCK_MONOTONIC, 0, &t)
#include "echo.h"
