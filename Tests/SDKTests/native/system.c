/* A function without inputs and outputs. */
#include "../../../SDK/freestanding/runtime.h"

struct system_data __dandelion_system_data;
