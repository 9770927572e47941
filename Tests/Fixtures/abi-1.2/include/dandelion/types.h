/* Base types. Fixed widths only: no size_t, long, enum, bit-field, union or flexible array crosses the ABI. */
#ifndef DANDELION_TYPES_H
#define DANDELION_TYPES_H

#include <stdint.h>

/* Every pointer that may be null, and every vtable slot, is marked: Swift imports it as an optional. */
#if defined(__clang__)
#define DN_NULLABLE _Nullable
#define DN_NONNULL _Nonnull
#define DN_NONNULL_BEGIN _Pragma("clang assume_nonnull begin")
#define DN_NONNULL_END _Pragma("clang assume_nonnull end")
#else
#define DN_NULLABLE
#define DN_NONNULL
#define DN_NONNULL_BEGIN
#define DN_NONNULL_END
#endif

#if defined(__cplusplus)
#define DN_BEGIN extern "C" { DN_NONNULL_BEGIN
#define DN_END DN_NONNULL_END }
#else
#define DN_BEGIN DN_NONNULL_BEGIN
#define DN_END DN_NONNULL_END
#endif

/* A number with a name, which binding generators see too (a macro with a cast is hidden from them): in C an enumerator, so
 * that it may stand in a case label, in C++ and Swift a constant of its type. Flags and sizes are plain macros. */
#if defined(__cplusplus) || defined(__swift__)
#define DN_CONSTANT(type, name, value) static const type name = value
#else
#define DN_CONSTANT(type, name, value) enum { name = value }
#endif

DN_BEGIN

/* An address inside a sandbox. Never a pointer of the host: only a backend may turn it into one. */
typedef uint64_t dn_gaddr;

/* Bytes of any value, zeros included; never NUL-terminated. */
typedef struct dn_bytes {
    const uint8_t *DN_NULLABLE data; /* may be null when len is 0 */
    uint64_t len;
} dn_bytes;

/* Opaque handles. Each has one function that ends it. */
typedef struct dn_instance dn_instance; /* a started plugin: stop */
typedef struct dn_image dn_image;       /* a loaded function image: image_unload */
typedef struct dn_engine dn_engine;     /* what runs functions on one thread: engine_destroy */
typedef struct dn_context dn_context;   /* the memory of one invocation: context_destroy */
typedef struct dn_reactor dn_reactor;   /* what drives communication on one core: reactor_destroy */

DN_END
#endif
