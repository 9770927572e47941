/* dn.translate/1: makes images of one format out of those of another, for isolation backends that do not know the latter.
 * The operator's config names, by class, whom the host asks. Since 1.1. */
#ifndef DANDELION_TRANSLATE_H
#define DANDELION_TRANSLATE_H

#include "compute.h"
#include "status.h"
#include "types.h"

DN_BEGIN

/* Takes what a translation made: bytes borrow-call. */
typedef void (*dn_translated)(void *DN_NULLABLE arg, dn_bytes bytes);

typedef struct dn_translate_params {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    dn_bytes bytes;   /* borrow-call */
    const char *DN_NULLABLE targets; /* borrow-call: formats that will do, as in dn_compute_caps.image_formats */
    const char *DN_NULLABLE label;   /* borrow-call: what logs call the image */
    const char *DN_NULLABLE cache_directory; /* borrow-call: as in dn_image_params */
    dn_progress DN_NULLABLE progress;        /* borrow-call */
    void *DN_NULLABLE progress_arg;
    dn_translated DN_NULLABLE result; /* borrow-call: called once, before DN_OK is returned */
    void *DN_NULLABLE result_arg;
    uint64_t account; /* Since 1.2: what translating takes is charged there until translate returns (dn.host.memory/1) */
} dn_translate_params;

typedef struct dn_translate {
    uint32_t struct_size;
    uint32_t padding; /* 0 */

    /* Checks an image and makes one of a target format of it. May take seconds (a compiler may run).
     * Since 1.1. Required. [any-thread] params borrow-call.
     * DN_UNSUPPORTED: not a format that is translated, or into none of the targets. DN_BAD_IMAGE: malformed, with the
     * byte offset. */
    dn_status (*DN_NULLABLE translate)(dn_instance *instance, const dn_translate_params *params, dn_error *err);
} dn_translate;

DN_END
#endif
