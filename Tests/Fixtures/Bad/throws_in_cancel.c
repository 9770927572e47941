/* An exception leaves its cancel. */
void throws(void);
#define CANCEL throws()
#include "echo.h"
