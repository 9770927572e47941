/* Cannot say that a context rests. */
#include "wrapped.h"
static dn_status settle(dn_context *context, dn_error *err) { return DN_ENGINE_DEAD; }
static void replace(void) { changed.context_settle = settle; }
