/* Calls of exported functions of any signature, for tools. */
#ifndef CRWASM_CALL_H
#define CRWASM_CALL_H

#include <CRWasm.h>

#pragma clang assume_nonnull begin

/* A rwasm_entry_call, by libffi. */
struct rwasm_end rwasm_ffi_call(
    struct rwasm_runner *runner, const struct rwasm_entry *entry, struct rwasm_value *values);

#pragma clang assume_nonnull end

#endif
