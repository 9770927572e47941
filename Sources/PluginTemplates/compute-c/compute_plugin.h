/* What the parts of the plugin share. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <dandelion/abi.h>
#include <stdatomic.h>

/* A started plugin: all state hangs from here, so that two of them can live side by side. */
struct dn_instance {
    uint64_t context_max; /* bytes */
};

enum operation { SET, ADD, SUB, LOAD, STORE, LOADB, STOREB, JUMP, TRAP, EXIT };
enum { REGISTERS = 16 };

struct instruction {
    uint8_t operation, a, b, c; /* a, b, c: registers */
    uint32_t at;                /* of its line in the image, for errors */
    int64_t number;
};

/* A parsed image; many contexts on many threads may run it. */
struct dn_image {
    uint8_t *memory;     /* of a snapshot: what lies from LOW to data_begin; else null */
    uint64_t data_begin; /* one past what the image takes of a context */
    uint64_t count;
    struct instruction code[];
};

struct dn_engine {
    dn_instance *instance;
    _Atomic uint64_t stop; /* the newest run that was interrupted << 1 | reason */
};

/* Memory of one invocation: guest address g is base[g]. */
struct dn_context {
    dn_image *image;
    uint8_t *base;
    uint64_t limit;
};

/* Where things lie in a context; the host places inputs behind. */
enum { LOW = 0x1000, SYSTEM_DATA = 0x1000, DATA_BEGIN = 0x1080, CONTEXT_MIN = 0x2000 };

/* Writes an error into the caller's memory and returns its code. offset: of the bad input, or DN_NO_OFFSET. */
dn_status fail(dn_error *err, dn_status code, uint64_t offset, const char *message);

/* Slots of dn_compute, by file. */
dn_status image_load(dn_instance *, const dn_image_params *, dn_image **, dn_error *);
dn_status image_info(dn_image *, dn_image_info *, dn_error *);
void image_unload(dn_image *);

dn_status context_create(dn_engine *, const dn_context_params *, dn_context **, dn_error *);
dn_status context_load(dn_context *, dn_image *, dn_error *);
dn_status context_info(dn_context *, dn_context_info *, dn_error *);
dn_status context_read(dn_context *, dn_gaddr, void *, uint64_t, dn_error *);
dn_status context_write(dn_context *, dn_gaddr, const void *, uint64_t, dn_error *);
dn_status context_view(dn_context *, dn_gaddr, uint64_t, int32_t, void **, dn_error *);
void context_destroy(dn_context *);

dn_status image_snapshot(dn_context *, dn_gaddr data_begin, dn_image **, dn_error *);
dn_status image_save(dn_image *, dn_sink, void *arg, dn_error *);
dn_status image_restore(dn_image *of, dn_bytes, dn_image **, dn_error *);

dn_status engine_create(dn_instance *, const dn_engine_params *, dn_engine **, dn_error *);
void engine_destroy(dn_engine *);
dn_status run(dn_engine *, dn_context *, const dn_run_params *, dn_run_result *, dn_error *);
void interrupt(dn_engine *, uint64_t run_id, int32_t reason);

#endif
