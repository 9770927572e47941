/* An exception leaves its validation. */
void throws(void);
#define VALIDATE if (request->inputs[0].len > 200) throws()
#include "echo.h"
