/* Changes the locale of the process. */
#include <locale.h>
#define SUBMIT setlocale(LC_NUMERIC, "C.UTF-8")
#include "echo.h"
