#ifndef HL_PROCESSOR_H
#define HL_PROCESSOR_H

#include <dandelion/guest.h>
#include <stdbool.h>

/* From here on hl_processor_time counts. */
void hl_processor_start(const dn_guest_entry *entry);
/* Whether it counts by the processor's counter. */
bool hl_processor_counts(void);

#endif
