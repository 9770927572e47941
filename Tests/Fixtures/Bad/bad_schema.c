/* Its schema has a setting without type and description. */
#define DESCRIPTOR .config_schema = "{\"properties\":{\"size\":{}}}"
#include "echo.h"
