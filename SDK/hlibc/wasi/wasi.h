/* WASI preview 1 over the file system in memory. One source for two uses: linked into a program below its C library
 * (program.c), and as a module of its own that serves the imports of any other (shim.c), which then has a memory that
 * this code reaches by calls only.
 *
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md. Functions return an errno; <errno.h> has the
 * numbers of WASI, so that those of the core are passed on. Structures are written as bytes at the document's offsets. */
#ifndef HL_WASI_H
#define HL_WASI_H

#include "../core/vfs.h"
#include <dandelion/guest.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An address in the caller's memory. */
typedef uint32_t wasi_pointer;

#ifdef HL_WASI_SHIM
#define WASI(name) __attribute__((export_name(#name))) int32_t wasi_##name
/* Copy from and to the caller's memory; 0, or EFAULT where it has no such bytes. */
__attribute__((import_module("guest"), import_name("load"))) int32_t wasi_load(void *to, wasi_pointer from, size_t size);
__attribute__((import_module("guest"), import_name("store"))) int32_t wasi_store(
    wasi_pointer to, const void *from, size_t size);
#else
#define WASI(name) int32_t __imported_wasi_snapshot_preview1_##name
static inline int32_t wasi_load(void *to, wasi_pointer from, size_t size) {
    if (size > 0) memcpy(to, (const void *)from, size);
    return 0;
}
static inline int32_t wasi_store(wasi_pointer to, const void *from, size_t size) {
    if (size > 0) memcpy((void *)to, from, size);
    return 0;
}
#endif

static inline int32_t wasi_store_u32(wasi_pointer to, uint32_t value) { return wasi_store(to, &value, sizeof value); }
static inline int32_t wasi_store_u64(wasi_pointer to, uint64_t value) { return wasi_store(to, &value, sizeof value); }

/* ---- start.c ---- */

/* Before any other function: memory, files, time and random numbers of this invocation. `entry` may be NULL. */
int32_t wasi_begin(const dn_guest_entry *entry);
/* Hands the outputs over; the exit code becomes DANDELION_EXIT_OUT_OF_MEMORY when their list finds no room. */
void wasi_finish(int32_t code);
/* wasi_finish, and leaves from any depth: an `unreachable` after the exit code was stored is the way to do that. */
__attribute__((noreturn)) void wasi_leave(int32_t code);

/* ---- descriptors.c ---- */

#define WASI_DESCRIPTORS 1024
#define WASI_ROOT 3 /* the descriptor of "/", which is there from the beginning, as are those of folders.c behind it */

enum { WASI_APPEND = 1, WASI_FLAGS = 31 };
enum { WASI_RIGHT_READ = 1 << 1, WASI_RIGHT_WRITE = 1 << 6 };

/* An open file; node is NULL when the descriptor is free. `folder` is the name, without its slash, of one that was open from
 * the beginning, NULL for all others. */
struct wasi_open {
    struct hl_node *node;
    uint64_t offset;
    uint16_t flags;
    bool reads, writes;
    const char *folder;
    uint32_t folder_length;
};

/* The file behind a descriptor, or NULL: EBADF. */
struct wasi_open *wasi_open_of(int32_t descriptor);
/* The lowest free descriptor that is no standard stream's, for a node; or -errno. A program that gave a stream away goes on
 * writing to its number, which must not reach a file that it opened since. */
int32_t wasi_descriptor_for(struct hl_node *node, uint16_t flags, bool reads, bool writes);

/* ---- folders.c ---- */

/* The folder that relative paths begin in: what the item cwd of the set stdio, or the variable PWD, names, made when it is
 * missing; else the root. */
struct hl_node *wasi_working_folder(void);
/* Opens the root's folders by their own names; 0 or -errno. */
int32_t wasi_open_folders(void);

/* ---- process.c ---- */

/* The value of an environment variable, NULL when there is none. */
const char *wasi_variable(const char *name);

/* ---- status.c ---- */

uint8_t wasi_file_type(const struct hl_node *node);
/* Writes a filestat to the caller. */
int32_t wasi_store_status(const struct hl_node *node, wasi_pointer to);
int32_t wasi_set_times(struct hl_node *node, int64_t accessed, int64_t modified, int32_t flags);

#endif
