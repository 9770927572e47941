/* Says that an image fits into no memory. */
#include "wrapped.h"
static dn_status image_info(dn_image *image, dn_image_info *out, dn_error *err) {
    dn_status status = base.image_info(image, out, err);
    out->context_min = 0;
    return status;
}
static void replace(void) { changed.image_info = image_info; }
