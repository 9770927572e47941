/* Snapshots: what a program has built in its context becomes an image of its own. A backend that cannot do that leaves this
 * file and its three slots out. The host asks for them when an image has a dn_guest_snapshot (dn_image_info.snapshot). */
#include "plugin.h"
#include <stdlib.h>
#include <string.h>

/* An image with room for `count` instructions and for memory up to `data_begin`; null = no memory. */
static dn_image *make(uint64_t count, uint64_t data_begin) {
    dn_image *image = calloc(1, sizeof *image + count * sizeof *image->code);
    if (!image) return NULL;
    image->count = count;
    image->data_begin = data_begin;
    image->memory = malloc(data_begin - LOW);
    if (image->memory) return image;
    free(image);
    return NULL;
}

dn_status image_snapshot(dn_context *context, dn_gaddr data_begin, dn_image **out, dn_error *err) {
    if (data_begin < DATA_BEGIN || data_begin > context->limit)
        return fail(err, DN_OUT_OF_RANGE, DN_NO_OFFSET, "the snapshot's end is not in the context");
    dn_image *image = make(context->image->count, data_begin);
    if (!image) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for a snapshot");
    /* A copy: context and image may be gone when it is used. */
    memcpy(image->code, context->image->code, image->count * sizeof *image->code);
    memcpy(image->memory, context->base + LOW, data_begin - LOW);
    *out = image;
    return DN_OK;
}

struct head {
    char magic[8];
    uint64_t count, data_begin;
};
static const char magic[8] = "tinysnap";

dn_status image_save(dn_image *image, dn_sink sink, void *arg, dn_error *err) {
    struct head head = {.count = image->count, .data_begin = image->data_begin};
    memcpy(head.magic, magic, sizeof magic);
    const dn_bytes pieces[] = {
        {(const uint8_t *)&head, sizeof head},
        {(const uint8_t *)image->code, image->count * sizeof *image->code},
        {image->memory, image->data_begin - LOW},
    };
    if (!image->memory) return fail(err, DN_UNSUPPORTED, DN_NO_OFFSET, "this image is no snapshot");
    for (int i = 0; i < 3; i++) {
        dn_status status = sink(arg, pieces[i]);
        if (status != DN_OK) return fail(err, status, DN_NO_OFFSET, "no more of the snapshot is wanted");
    }
    return DN_OK;
}

dn_status image_restore(dn_image *of, dn_bytes bytes, dn_image **out, dn_error *err) {
    struct head head;
    if (bytes.len < sizeof head || memcmp(bytes.data, magic, sizeof magic) != 0)
        return fail(err, DN_UNSUPPORTED, 0, "no snapshot of this version");
    memcpy(&head, bytes.data, sizeof head);
    uint64_t rest = bytes.len - sizeof head, code = of->count * sizeof *of->code;
    /* Compared without adding: what is in the head may be anything. */
    if (head.count != of->count || rest < code || head.data_begin < DATA_BEGIN || head.data_begin - LOW != rest - code)
        return fail(err, DN_BAD_IMAGE, sizeof magic, "the snapshot is not of this image, or not whole");
    dn_image *image = make(head.count, head.data_begin);
    if (!image) return fail(err, DN_NO_MEMORY, DN_NO_OFFSET, "no memory for a snapshot");
    /* Its program is the image's, whatever was written. */
    memcpy(image->code, of->code, code);
    memcpy(image->memory, bytes.data + sizeof head + code, rest - code);
    *out = image;
    return DN_OK;
}
