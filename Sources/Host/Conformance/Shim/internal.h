/* What the parts of the shim share. */
#ifndef INTERNAL_H
#define INTERNAL_H

#include "include/CConformance.h"

#include <stddef.h>

/* Null in a process that judges nothing. */
extern struct ck_sheet *ck_current;

/* Writes what an access at address met into text and returns 1, or 0 when the address is not watched. Signal-safe. */
int ck_describe_loan(uintptr_t address, int writes, char *text, size_t size);
int ck_describe_block(uintptr_t address, int writes, char *text, size_t size);

uintptr_t ck_page(void);

#endif
