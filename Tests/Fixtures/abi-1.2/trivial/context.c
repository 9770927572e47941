/* Contexts: the memory of one invocation, zero at first. */
#define _GNU_SOURCE
#include "plugin.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

dn_status context_create(dn_engine *engine, const dn_context_params *params, dn_context **out, dn_error *err) {
    if (params->limit > engine->instance->context_max)
        return fail(err, DN_LIMIT, DN_NO_OFFSET, "the memory limit is above context_max_mib");
    dn_context *context = calloc(1, sizeof *context);
    if (!context) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for a context");
    context->limit = params->limit;
    /* Fresh pages of the kernel are zero: nothing of an earlier function can be in them. */
    context->base =
        mmap(NULL, params->limit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (context->base == MAP_FAILED) {
        free(context);
        return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no address space for a context");
    }
    *out = context;
    return DN_OK;
}

dn_status context_load(dn_context *context, dn_image *image, dn_error *err) {
    if (context->limit < CONTEXT_MIN || context->limit < image->data_begin)
        return fail(err, DN_LIMIT, DN_NO_OFFSET, "the context is smaller than 8 KiB, or than the snapshot");
    if (image->memory) memcpy(context->base + LOW, image->memory, image->data_begin - LOW);
    context->image = image;
    return DN_OK;
}

dn_status context_info(dn_context *context, dn_context_info *out, dn_error *err) {
    (void)err;
    out->low = LOW;
    out->limit = context->limit;
    out->stack_low = out->stack_high = 0;
    out->exit_address = 0;
    return DN_OK;
}

dn_status context_view(dn_context *context, dn_gaddr address, uint64_t len, int32_t access, void **out, dn_error *err) {
    (void)access;
    /* Without adding: address + len may wrap. */
    if (address < LOW || address > context->limit || len > context->limit - address)
        return fail(err, DN_OUT_OF_RANGE, DN_NO_OFFSET, "the range is not in the context");
    *out = context->base + address;
    return DN_OK;
}

dn_status context_read(dn_context *context, dn_gaddr address, void *to, uint64_t len, dn_error *err) {
    void *from = NULL;
    dn_status status = context_view(context, address, len, DN_VIEW_READ, &from, err);
    if (status == DN_OK) memcpy(to, from, len);
    return status;
}

dn_status context_write(dn_context *context, dn_gaddr address, const void *from, uint64_t len, dn_error *err) {
    void *to = NULL;
    dn_status status = context_view(context, address, len, DN_VIEW_WRITE, &to, err);
    if (status == DN_OK) memcpy(to, from, len);
    return status;
}

void context_destroy(dn_context *context) {
    munmap(context->base, context->limit);
    free(context);
}
