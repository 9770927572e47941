/* Exports no entry. */
#define NO_ENTRY
#include "echo.h"
const dn_plugin *another_name(void) { return &plugin; }
