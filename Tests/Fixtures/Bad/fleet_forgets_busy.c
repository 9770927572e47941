/* Gives a message again although its work goes on. */
#define BUSY(message) (void)(message)
#include "fleet.h"
