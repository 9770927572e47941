/* Judges the same request in two ways. */
#define VALIDATE static int times; out->idempotent = times++ % 2 ? DN_IDEMPOTENT_YES : DN_IDEMPOTENT_NO
#include "echo.h"
