/* What plugins share and Swift cannot express. */
#ifndef CPLUGINKIT_H
#define CPLUGINKIT_H

#include "dk_memory.h"
#include "dk_pagemap.h"
#include "dk_slot.h"
#include "dk_stop.h"

#endif
