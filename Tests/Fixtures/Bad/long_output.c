/* Tells a length that is 4096 bytes too large: heap of others would go to the client. */
#define COMPLETE lie(answer)
#include <dandelion/abi.h>
static void lie(dn_bytes *answer);
#include "echo.h"
static void lie(dn_bytes *answer) {
    uint8_t *copy = malloc(answer->len + 1);
    if (answer->data) memcpy(copy, answer->data, answer->len);
    *answer = (dn_bytes){copy, answer->len + 4096};
}
