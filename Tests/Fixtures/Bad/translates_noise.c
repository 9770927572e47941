/* Makes an image of whatever it is given. */
#include <dandelion/abi.h>
static const void *either(const char *id);
#define DESCRIPTOR .get_interface = either
#include "echo.h"

static dn_status translate(dn_instance *instance, const dn_translate_params *params, dn_error *err) {
    (void)instance, (void)err;
    params->result(params->result_arg, params->bytes);
    return DN_OK;
}
static const dn_translate table = {sizeof table, 0, translate};
static const void *either(const char *id) { return strcmp(id, DN_TRANSLATE_1) == 0 ? &table : get_interface(id); }
