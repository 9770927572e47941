/* Changes the locale of the host's thread. */
#define _GNU_SOURCE
#include <locale.h>
#define SUBMIT uselocale(newlocale(LC_ALL_MASK, "C.UTF-8", 0))
#include "echo.h"
