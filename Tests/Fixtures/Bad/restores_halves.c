/* Makes a snapshot of what was cut off. */
#include "wrapped.h"
#include <stdlib.h>
static dn_bytes whole;
static dn_status restore(dn_image *of, dn_bytes bytes, dn_image **out, dn_error *err) {
    if (bytes.len > whole.len) {
        uint8_t *copy = malloc(bytes.len);
        memcpy(copy, bytes.data, bytes.len);
        whole = (dn_bytes){copy, bytes.len};
    }
    return base.image_restore(of, bytes.len > 1 ? whole : bytes, out, err);
}
static void replace(void) { changed.image_restore = restore; }
