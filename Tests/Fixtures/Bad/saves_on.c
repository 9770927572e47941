/* Does not hear that no more is wanted. */
#include "wrapped.h"
static dn_sink wanted;
static dn_status all(void *arg, dn_bytes piece) {
    wanted(arg, piece);
    return DN_OK;
}
static dn_status save(dn_image *image, dn_sink sink, void *arg, dn_error *err) {
    wanted = sink;
    return base.image_save(image, all, arg, err);
}
static void replace(void) { changed.image_save = save; }
