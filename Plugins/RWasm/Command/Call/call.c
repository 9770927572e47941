/* libffi calls an entry of generated code by the C signature that the module's type tells. It does so on the runner's stack,
 * where it owns nothing: a trap may leave it behind. */
#include "CRWasmCall.h"

#include <ffi.h>
#include <stdlib.h>
#include <string.h>

/* struct rwasm_value; libffi works out its size and alignment. */
static ffi_type *words[] = {&ffi_type_uint64, &ffi_type_uint64, NULL};
static ffi_type vector = {.type = FFI_TYPE_STRUCT, .elements = words};

static ffi_type *type_of(uint8_t type) {
    switch (type) {
    case 0x7f: return &ffi_type_uint32;
    case 0x7d: return &ffi_type_float;
    case 0x7c: return &ffi_type_double;
    case 0x7b: return &vector;
    default: return &ffi_type_uint64; /* i64 and references */
    }
}

struct call {
    ffi_cif cif;
    const struct rwasm_entry *entry;
    ffi_type results;  /* of several */
    size_t *offsets;   /* in `result`, by result */
    ffi_type **types;  /* of the instance and the parameters, then of the results, then NULL */
    void **arguments;
    void *result;
};

static void *zeroed(size_t count, size_t size) {
    void *place = calloc(count + 1, size);
    if (!place) abort(); /* a tool's few bytes */
    return place;
}

static ffi_type *prepare_results(struct call *call) {
    size_t count = call->entry->result_count;
    ffi_type **types = call->types + 1 + call->entry->parameter_count;
    for (size_t i = 0; i < count; i++) types[i] = type_of(call->entry->results[i]);
    call->results = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = types};
    call->offsets = zeroed(count, sizeof *call->offsets);
    if (count == 0) return &ffi_type_void;
    if (count == 1) return types[0];
    if (ffi_get_struct_offsets(FFI_DEFAULT_ABI, &call->results, call->offsets) != FFI_OK) abort();
    return &call->results;
}

static void prepare(struct call *call, const struct rwasm_entry *entry, struct rwasm_value *values) {
    size_t count = 1 + entry->parameter_count;
    call->entry = entry;
    call->types = zeroed(count + entry->result_count, sizeof *call->types);
    call->arguments = zeroed(count, sizeof *call->arguments);
    call->types[0] = &ffi_type_pointer;
    call->arguments[0] = (void *)&entry->instance;
    for (size_t i = 1; i < count; i++) {
        call->types[i] = type_of(entry->parameters[i - 1]);
        call->arguments[i] = &values[i - 1]; /* numbers lie in its first bytes */
    }
    ffi_type *result = prepare_results(call);
    if (ffi_prep_cif(&call->cif, FFI_DEFAULT_ABI, (unsigned)count, result, call->types) != FFI_OK) abort();
    call->result = zeroed(result->size / sizeof(ffi_arg), sizeof(ffi_arg)); /* libffi writes no less than one */
}

/* The slot `call` of a descriptor whose instance is a prepared call. */
static void perform(void *instance, uint32_t function, struct rwasm_value *values, size_t count) {
    struct call *call = instance;
    (void)function, (void)values, (void)count;
    ffi_call(&call->cif, FFI_FN(call->entry->function), call->result, call->arguments);
}

struct rwasm_end rwasm_ffi_call(
    struct rwasm_runner *runner, const struct rwasm_entry *entry, struct rwasm_value *values) {
    static const struct rwasm_descriptor prepared = {.call = perform};
    struct call call;
    prepare(&call, entry, values);
    struct rwasm_end end = rwasm_runner_call(runner, &prepared, &call, 0, values, 0);
    if (end.kind == RWASM_RETURNED)
        for (size_t i = 0; i < entry->result_count; i++) {
            values[i] = (struct rwasm_value){0};
            memcpy(&values[i], (uint8_t *)call.result + call.offsets[i], type_of(entry->results[i])->size);
        }
    free(call.types);
    free(call.arguments);
    free(call.offsets);
    free(call.result);
    return end;
}
