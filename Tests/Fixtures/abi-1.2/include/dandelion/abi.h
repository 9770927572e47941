/* The Dandelion plugin ABI, version 1.
 *
 * A plugin is one shared object that exports one function, dn_plugin_entry_v1. The host loads it by path, probes it,
 * starts an instance of it with a configuration, and asks that instance for interfaces by id: dn.compute/1 for an
 * isolation backend, dn.comm/1 for communication functions, dn.translate/1 for translations of images,
 * dn.fleet/1 for what several nodes agree on.
 *
 * Trust: plugins run inside the host process with all its rights. The ABI guards against mistakes, not malice.
 *
 * Words used in every comment
 *   [main-thread]    the host's control thread; one call at a time.
 *   [engine-thread]  the one OS thread that created this engine, for the engine's whole life, already pinned.
 *   [serial]         any thread, never two calls at once on the same handle.
 *   [any-thread]     concurrent calls allowed.
 *   own              ownership passes; the receiver ends it with the named function.
 *   borrow-call      valid until this call returns.
 *   borrow-until:E   valid until event E.
 *   static           valid until the process ends.
 * No side frees memory that the other allocated. Sizes are bytes; times are nanoseconds of CLOCK_MONOTONIC.
 *
 * What a plugin must not do: create threads that call into this ABI, install signal handlers, change signal masks,
 * affinity, working directory, environment, locale or umask, or fork the host. dn_host offers services in their place.
 *
 * How the ABI grows: every struct that crosses starts with struct_size, set by its writer. A reader copies
 * min(theirs, mine) bytes over zeros. New slots are appended and never required. Changed behaviour gets a new
 * interface id. See Docs/abi-policy.md.
 */
#ifndef DANDELION_ABI_H
#define DANDELION_ABI_H

#include "comm.h"
#include "compute.h"
#include "fleet.h"
#include "guest.h"
#include "host.h"
#include "plugin.h"
#include "status.h"
#include "translate.h"
#include "types.h"
#include "version.h"

#endif
