#ifndef HL_ENTRY_H
#define HL_ENTRY_H

#include <dandelion/guest.h>

/* What the platform passed to this invocation. */
extern const dn_guest_entry *hl_entry_block;

#endif
