/* What the parts of the plugin share. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <dandelion/abi.h>

/* A started plugin: all its state hangs from here or from its reactors, so that two of them can live side by side. */
struct dn_instance {
    uint64_t max_bytes; /* of one request */
    uint64_t delay_ns;  /* between a request and its answer */
};

extern const dn_comm comm_table;

/* Writes an error into the caller's memory and returns its code. offset: of the bad input, or DN_NO_OFFSET. */
dn_status fail(dn_error *err, dn_status code, uint64_t offset, const char *message);

#endif
