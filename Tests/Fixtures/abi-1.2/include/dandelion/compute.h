/* dn.compute/1: an isolation backend. It provides memory and runs code in it; it never interprets sets or items.
 *
 * The way of one invocation, all on one engine's thread:
 *   context_create -> context_load -> (host writes inputs through context_view or context_write) -> run
 *   -> (host reads outputs) -> context_destroy, from any thread, when the last consumer has its data.
 * A context belongs to the engine it was made by, because its memory may be part of that engine's VM or process. It is
 * made after the task was taken from the queue (late binding), and it may outlive the run that filled it.
 */
#ifndef DANDELION_COMPUTE_H
#define DANDELION_COMPUTE_H

#include "status.h"
#include "types.h"

DN_BEGIN

DN_CONSTANT(int32_t, DN_ISOLATION_VM, 1);
DN_CONSTANT(int32_t, DN_ISOLATION_PROCESS, 2);
DN_CONSTANT(int32_t, DN_ISOLATION_CAPABILITY, 3);
DN_CONSTANT(int32_t, DN_ISOLATION_SOFTWARE, 4);

#define DN_COMPUTE_HOST_VISIBLE (1ull << 0)    /* context_view works */
#define DN_COMPUTE_TRANSFER_SHARES (1ull << 1) /* context_transfer can pass pages without a copy */
#define DN_COMPUTE_FAULT_ADDRESS (1ull << 2)   /* faults carry their address and pc */
#define DN_COMPUTE_SYSCALL_NUMBER (1ull << 3)  /* forbidden system calls carry their number */
#define DN_COMPUTE_MAPS_FILES (1ull << 4)      /* Since 1.2: context_map is worth a try */
#define DN_COMPUTE_NAMED_ENTRIES (1ull << 5)   /* Since 1.2: image_load knows dn_image_params.entry */

/* What an instance can do; constant while it lives. The caller sets struct_size. */
typedef struct dn_compute_caps {
    uint32_t struct_size;
    int32_t isolation;            /* DN_ISOLATION_* */
    uint64_t flags;               /* DN_COMPUTE_* */
    const char *DN_NULLABLE image_formats; /* static, space-separated: "elf-x86_64", "elf-aarch64", "wasm32", ... */
    uint64_t context_max;         /* largest limit that context_create takes */
    uint64_t contexts_per_engine; /* how many can be held at once before context_create says DN_BUSY; 0 = memory decides */
    uint64_t interrupt_latency;   /* ns: run returns at most this long after a deadline or interrupt */
} dn_compute_caps;

/* Told while an image loads, on the loading thread: permille is 0..1000, stage a few words, borrow-call. */
typedef void (*dn_progress)(void *DN_NULLABLE arg, uint32_t permille, const char *stage);

typedef struct dn_image_params {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    dn_bytes bytes;   /* borrow-call */
    const char *DN_NULLABLE label;          /* borrow-call: what logs call the image */
    const char *DN_NULLABLE cache_directory; /* borrow-call: a folder for results that a later load may reuse; null = none */
    dn_progress DN_NULLABLE progress;       /* borrow-call */
    void *DN_NULLABLE progress_arg;
    /* Since 1.2: what loading takes is charged there until image_load returns (dn.host.memory/1); the image itself is
     * counted by the host, by its resident_bytes. */
    uint64_t account;
    /* Since 1.2: the exported function that a run calls, null = the one that the format has; only given to a backend with
     * DN_COMPUTE_NAMED_ENTRIES. borrow-call. DN_BAD_IMAGE: there is no such function, or it cannot be one. */
    const char *DN_NULLABLE entry;
} dn_image_params;

/* Which code an image runs now, where it is made better while it serves. */
DN_CONSTANT(int32_t, DN_VERSION_ONLY, 0);   /* there is one */
DN_CONSTANT(int32_t, DN_VERSION_FIRST, 1);  /* one that was soon ready; the best is being made, or waits for its turn */
DN_CONSTANT(int32_t, DN_VERSION_BEST, 2);
DN_CONSTANT(int32_t, DN_VERSION_STAYS, 3);  /* the first one stays: version_reason */

/* No system data in this image: the host passes inputs by the entry block only. */
#define DN_NO_SYSTEM_DATA 0xffffffffffffffffull

/* Facts of a loaded image, constant while it lives but for resident_bytes and the version. The caller sets struct_size. */
typedef struct dn_image_info {
    uint32_t struct_size;
    uint32_t pointer_bytes; /* of guest structures: 4 or 8 */
    dn_gaddr entry;
    dn_gaddr system_data;     /* where the 72 (or 36) byte structure of guest.h lies, or DN_NO_SYSTEM_DATA */
    dn_gaddr data_begin;      /* the host may place inputs from here on (behind the image's last byte) */
    uint64_t context_min;     /* smallest limit that holds the image */
    uint64_t resident_bytes;  /* host memory held by the image, for cache accounting */
    dn_gaddr snapshot;        /* Since 1.2: where the image's dn_guest_snapshot (guest.h) lies, 0 = it has none */
    int32_t version;          /* Since 1.2: DN_VERSION_* */
    int32_t padding;          /* 0 */
    const char *DN_NULLABLE version_reason; /* Since 1.2: why the best was not made; own, until image_unload */
} dn_image_info;

typedef struct dn_engine_params {
    uint32_t struct_size;
    int32_t core; /* the CPU that the thread is pinned to, -1 = none */
    uint64_t engine_id; /* unique in the process, for logs */
} dn_engine_params;

typedef struct dn_context_params {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    uint64_t limit;   /* bytes of guest addresses from 0 that the function may use: the registered memory limit */
    /* Since 1.2: what context_load will place, so that a context that has it already can be given; null = not known.
     * borrow-call */
    dn_image *DN_NULLABLE image;
} dn_context_params;

/* Where things are in a loaded context. The caller sets struct_size.
 * Two ranges of guest addresses are memory, each contiguous for context_view: [low, limit), which holds image, inputs
 * and heap, and [stack_low, stack_high), which lies outside the first. Pages appear zeroed on demand. */
typedef struct dn_context_info {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    dn_gaddr low;        /* first address that is memory, at or below the image's first segment */
    dn_gaddr limit;      /* end of image, inputs and heap */
    dn_gaddr stack_low;  /* lowest byte of the stack; the page below it faults */
    dn_gaddr stack_high;
    dn_gaddr exit_address; /* where a function jumps to leave; 0 = it leaves as its format says (wasm: returns) */
} dn_context_info;

/* Whole pages of a file in memory (dn.host.files/1) and of guest addresses. Whoever writes it sets struct_size. Since 1.2. */
typedef struct dn_file_range {
    uint32_t struct_size;
    int32_t file;     /* descriptor; the slot says how long it is lent */
    uint64_t offset;  /* of the first byte in the file */
    dn_gaddr address; /* of the first byte in the context */
    uint64_t len;
} dn_file_range;

DN_CONSTANT(int32_t, DN_RUN_EXITED, 0);    /* left as functions leave; the exit code is in its system data */
DN_CONSTANT(int32_t, DN_RUN_FAULTED, 1);   /* stopped by what it did: fault_kind */
DN_CONSTANT(int32_t, DN_RUN_DEADLINE, 2);  /* stopped because its time was over */
DN_CONSTANT(int32_t, DN_RUN_CANCELLED, 3); /* stopped by interrupt */

DN_CONSTANT(int32_t, DN_FAULT_NONE, 0);
DN_CONSTANT(int32_t, DN_FAULT_READ, 1);
DN_CONSTANT(int32_t, DN_FAULT_WRITE, 2);
DN_CONSTANT(int32_t, DN_FAULT_EXECUTE, 3);
DN_CONSTANT(int32_t, DN_FAULT_ILLEGAL_INSTRUCTION, 4);
DN_CONSTANT(int32_t, DN_FAULT_ARITHMETIC, 5);
DN_CONSTANT(int32_t, DN_FAULT_STACK, 6);      /* ran into the guard below its stack */
DN_CONSTANT(int32_t, DN_FAULT_SYSCALL, 7);    /* tried a system call */
DN_CONSTANT(int32_t, DN_FAULT_CAPABILITY, 8);
DN_CONSTANT(int32_t, DN_FAULT_TRAP, 9);       /* wasm trap or breakpoint; trap_code is the backend's */
DN_CONSTANT(int32_t, DN_FAULT_MEMORY_LIMIT, 10); /* used more than its context may hold */
DN_CONSTANT(int32_t, DN_FAULT_PROTECTION, 11); /* privileged instruction, port, non-canonical address */
DN_CONSTANT(int32_t, DN_FAULT_KILLED, 12);    /* died without telling why */
DN_CONSTANT(int32_t, DN_FAULT_OTHER, 13);

#define DN_RESULT_ADDRESS (1ull << 0) /* fault_address is valid */
#define DN_RESULT_PC (1ull << 1)      /* fault_pc is valid */
#define DN_RESULT_SYSCALL (1ull << 2) /* syscall_number is valid */
#define DN_RESULT_TRAP (1ull << 3)    /* trap_code is valid */

typedef struct dn_run_params {
    uint32_t struct_size;
    uint32_t padding; /* 0 */
    uint64_t run_id;   /* rises strictly per engine; names the run for interrupt */
    uint64_t deadline; /* CLOCK_MONOTONIC ns after which the function is stopped; 0 = none */
    dn_gaddr entry_block; /* passed in the first argument register (x86-64 rdi, aarch64 x0): dn_guest_entry */
} dn_run_params;

/* What the guest did. The caller sets struct_size. Values not known to the reader count as OTHER. */
typedef struct dn_run_result {
    uint32_t struct_size;
    int32_t outcome;    /* DN_RUN_* */
    int32_t fault_kind; /* DN_FAULT_*, NONE unless FAULTED */
    int32_t trap_code;
    uint64_t valid; /* DN_RESULT_* */
    dn_gaddr fault_address;
    dn_gaddr fault_pc;
    int64_t syscall_number;
    uint64_t run_ns; /* from entering the sandbox to leaving it */
    char detail[128]; /* NUL-terminated sentence for the user, may be empty */
} dn_run_result;

DN_CONSTANT(int32_t, DN_INTERRUPT_CANCEL, 0);
DN_CONSTANT(int32_t, DN_INTERRUPT_DEADLINE, 1);

DN_CONSTANT(int32_t, DN_VIEW_READ, 1);
DN_CONSTANT(int32_t, DN_VIEW_WRITE, 2);

/* Takes a piece of what image_save writes: borrow-call. Not DN_OK: no more is wanted. */
typedef dn_status (*dn_sink)(void *DN_NULLABLE arg, dn_bytes piece);

typedef struct dn_compute {
    uint32_t struct_size;
    uint32_t padding; /* 0 */

    /* Since 1.0. Required. [any-thread] out the caller's. */
    dn_status (*DN_NULLABLE capabilities)(dn_instance *instance, dn_compute_caps *out, dn_error *err);

    /* Parses, checks and prepares an image; keeps no pointer into params. May take seconds (a compiler may run).
     * Since 1.0. Required. [any-thread] params borrow-call; *out own, ended by image_unload.
     * DN_UNSUPPORTED: not a format of this backend. DN_BAD_IMAGE: malformed, with the byte offset. */
    dn_status (*DN_NULLABLE image_load)(
        dn_instance *instance, const dn_image_params *params, dn_image *DN_NULLABLE *DN_NONNULL out, dn_error *err);
    /* Since 1.0. Required. [any-thread] */
    dn_status (*DN_NULLABLE image_info)(dn_image *image, dn_image_info *out, dn_error *err);
    /* Ends an image that no context uses. Since 1.0. Required. [any-thread] */
    void (*DN_NULLABLE image_unload)(dn_image *image);

    /* Makes an engine for the calling thread; heavy set-up (VM, vCPU, zygote) belongs here and serves every run.
     * Since 1.0. Required. [engine-thread] params borrow-call; *out own, ended by engine_destroy. */
    dn_status (*DN_NULLABLE engine_create)(
        dn_instance *instance, const dn_engine_params *params, dn_engine *DN_NULLABLE *DN_NONNULL out, dn_error *err);
    /* Ends an idle engine whose contexts are destroyed; reaps its children. Since 1.0. Required. [engine-thread] */
    void (*DN_NULLABLE engine_destroy)(dn_engine *engine);
    /* Does postponed work (zero memory, reap, make sandboxes ready) for about budget ns, at least one step of it.
     * Returns 1 when more is left, 0 when there is none. Since 1.0. Optional. [engine-thread], not while running. */
    int32_t (*DN_NULLABLE engine_idle)(dn_engine *engine, uint64_t budget);

    /* Takes a fresh sandbox: all memory zero. Since 1.0. Required. [engine-thread]
     * params borrow-call; *out own, ended by context_destroy.
     * DN_BUSY: contexts_per_engine are held. DN_LIMIT: limit above context_max. DN_NO_MEMORY. DN_ENGINE_DEAD. */
    dn_status (*DN_NULLABLE context_create)(
        dn_engine *engine, const dn_context_params *params, dn_context *DN_NULLABLE *DN_NONNULL out, dn_error *err);
    /* Places the image, once per context. Since 1.0. Required. [engine-thread] image borrow-until:context destroyed.
     * DN_LIMIT: the context is smaller than context_min. */
    dn_status (*DN_NULLABLE context_load)(dn_context *context, dn_image *image, dn_error *err);
    /* Valid after context_load. Since 1.0. Required. [serial] */
    dn_status (*DN_NULLABLE context_info)(dn_context *context, dn_context_info *out, dn_error *err);
    /* Copies out of or into the context, all or nothing. Since 1.0. Required. [serial]
     * DN_OUT_OF_RANGE: address + len wraps or leaves the context. */
    dn_status (*DN_NULLABLE context_read)(dn_context *context, dn_gaddr address, void *to, uint64_t len, dn_error *err);
    dn_status (*DN_NULLABLE context_write)(
        dn_context *context, dn_gaddr address, const void *from, uint64_t len, dn_error *err);
    /* The bytes themselves, *out borrow-until:next run or destroy. Since 1.0. Required with HOST_VISIBLE. [serial]
     * access DN_VIEW_READ, WRITE or both. DN_OUT_OF_RANGE as read. */
    dn_status (*DN_NULLABLE context_view)(
        dn_context *context, dn_gaddr address, uint64_t len, int32_t access, void *DN_NULLABLE *DN_NONNULL out, dn_error *err);
    /* Copies between two contexts of one instance; source is one that has run. With DN_COMPUTE_TRANSFER_SHARES pages may be
     * passed instead, privately writable in the target; the source may be destroyed first. Since 1.0. Optional.
     * [engine-thread] of target's engine. DN_UNSUPPORTED: the host copies by itself. */
    dn_status (*DN_NULLABLE context_transfer)(
        dn_context *target, dn_gaddr to, dn_context *source, dn_gaddr from, uint64_t len, dn_error *err);
    /* Gives the sandbox up; what is costly may be left to engine_idle. Large memory goes back with the next context_create
     * at the latest, because an engine may never be idle. Since 1.0. Required. [any-thread] */
    void (*DN_NULLABLE context_destroy)(dn_context *context);

    /* Runs the image in context to its end; at most one run per engine, one run per context. Since 1.0. Required.
     * [engine-thread] params borrow-call; result the caller's. DN_OK: result is valid.
     * DN_ENGINE_DEAD: the platform failed; context contents undefined; the run may be repeated on another engine. */
    dn_status (*DN_NULLABLE run)(
        dn_engine *engine, dn_context *context, const dn_run_params *params, dn_run_result *result, dn_error *err);
    /* Stops the run named by run_id: if it has not begun it ends at once when it does, if it is over nothing happens.
     * Never blocks; may be repeated. Since 1.0. Required. [any-thread] reason DN_INTERRUPT_*. */
    void (*DN_NULLABLE interrupt)(dn_engine *engine, uint64_t run_id, int32_t reason);

    /* Makes sure of a context whose run is over that nothing but the host touches its memory, or uses a CPU, until it is
     * destroyed; the host calls it before it keeps references to that memory, and not for outputs that it copies at once.
     * Since 1.2. Optional: absent where the end of run ensures that already. [engine-thread] DN_ENGINE_DEAD: it cannot. */
    dn_status (*DN_NULLABLE context_settle)(dn_context *context, dn_error *err);

    /* Makes an image of the memory of a context, stack included, whose run is over because its program left a snapshot
     * (dn_guest_snapshot). Each context that the image is loaded into begins with that memory, with the rights and the
     * entry of the image that the context held; from data_begin on everything is zero, and is the image's data_begin.
     * *out own, ended by image_unload; it does not need the context or its image any more. Since 1.2. Optional.
     * [engine-thread] DN_OUT_OF_RANGE: data_begin is not in the context. DN_NO_MEMORY. DN_UNSUPPORTED: not for this image. */
    dn_status (*DN_NULLABLE image_snapshot)(
        dn_context *context, dn_gaddr data_begin, dn_image *DN_NULLABLE *DN_NONNULL out, dn_error *err);

    /* Writes an image of image_snapshot as bytes of which image_restore makes it again, in pieces, in order; what they mean
     * is the plugin's own. Since 1.2. Optional, with image_restore. [any-thread] sink and arg borrow-call.
     * DN_UNSUPPORTED: not for this image. What sink returned, unless that was DN_OK. */
    dn_status (*DN_NULLABLE image_save)(dn_image *image, dn_sink sink, void *DN_NULLABLE arg, dn_error *err);
    /* Makes an image again of what image_save of the same version of the plugin wrote, maybe in another process; `of` is the
     * image whose program left it. The host vouches for the bytes being those. Since 1.2. Optional, with image_save.
     * [any-thread] bytes borrow-call; *out own, ended by image_unload; it does not need `of` any more.
     * DN_UNSUPPORTED: of another version. DN_BAD_IMAGE: with the byte offset. DN_NO_MEMORY. */
    dn_status (*DN_NULLABLE image_restore)(
        dn_image *of, dn_bytes bytes, dn_image *DN_NULLABLE *DN_NONNULL out, dn_error *err);

    /* Large items without copies. A context shows a part of a file in the place of its own memory: the function finds these
     * bytes, and what it writes there nobody else ever sees. Between context_load and run, at free memory behind the image;
     * the host neither reads nor writes the range from then on to the end of the run, and views it anew (context_view)
     * before it reads there. range borrow-call; its file and the bytes in it stay as they are until the run is over, or
     * until context_destroy when the host has viewed the range after the run: whatever is still mapped then must be out of
     * the context before the next function runs in that memory. Since 1.2. Optional. [engine-thread]
     * DN_OUT_OF_RANGE. DN_UNSUPPORTED, DN_LIMIT: the host copies instead; the context is as before. */
    dn_status (*DN_NULLABLE context_map)(dn_context *context, const dn_file_range *range, dn_error *err);
    /* Says where memory of a context that has run, and is settled, lies in a file, so that other contexts can map it: *out is
     * a part of [address, address + len), as large as can be; of what context_map put there, and the function has not
     * written to, the same part of the same file. Its file is borrow-until:context destroyed, and nobody writes to these
     * bytes until then. Since 1.2. Optional. [any-thread]
     * DN_OUT_OF_RANGE. DN_UNSUPPORTED: none of it lies in a file. */
    dn_status (*DN_NULLABLE context_export)(
        dn_context *context, dn_gaddr address, uint64_t len, dn_file_range *out, dn_error *err);
    /* Bytes of memory that the context takes now, without what is mapped into it, for the node's account. Since 1.2. Optional:
     * without it the host looks at each page. [engine-thread], after run */
    uint64_t (*DN_NULLABLE context_memory)(dn_context *context);
} dn_compute;

DN_END
#endif
