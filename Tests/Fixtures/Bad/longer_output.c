/* Tells a length that is one byte too large. */
#define COMPLETE lie(answer)
#include <dandelion/abi.h>
static void lie(dn_bytes *answer);
#include "echo.h"
static void lie(dn_bytes *answer) {
    uint8_t *copy = malloc(answer->len + 3);
    if (answer->data) memcpy(copy, answer->data, answer->len);
    *answer = (dn_bytes){copy, answer->len + 4};
}
