/* Status codes and the caller's error buffer.
 *
 * Three kinds of trouble stay apart: what the guest did is a result (status DN_OK), what the environment refused is a
 * status, what the caller did wrong is DN_MISUSE.
 */
#ifndef DANDELION_STATUS_H
#define DANDELION_STATUS_H

#include "types.h"

DN_BEGIN

typedef int32_t dn_status;

DN_CONSTANT(dn_status, DN_OK, 0);
DN_CONSTANT(dn_status, DN_FAILED, -1);       /* none of the below */
DN_CONSTANT(dn_status, DN_MISUSE, -2);       /* the caller broke the contract; the host logs it as a bug of its own */
DN_CONSTANT(dn_status, DN_INVALID, -3);      /* an argument's value is not acceptable */
DN_CONSTANT(dn_status, DN_UNSUPPORTED, -4);  /* not offered by this plugin; an image of another plugin's format */
DN_CONSTANT(dn_status, DN_UNAVAILABLE, -5);  /* this machine lacks something */
DN_CONSTANT(dn_status, DN_NO_MEMORY, -6);
DN_CONSTANT(dn_status, DN_OUT_OF_RANGE, -7); /* address + length outside the context */
DN_CONSTANT(dn_status, DN_BAD_IMAGE, -8);    /* the plugin's format, but malformed; dn_error.input_offset says where */
DN_CONSTANT(dn_status, DN_BAD_CONFIG, -9);
DN_CONSTANT(dn_status, DN_BAD_INPUT, -10);   /* untrusted input refused; dn_error.input_offset says where */
DN_CONSTANT(dn_status, DN_BUSY, -11);        /* full at the moment; try later */
DN_CONSTANT(dn_status, DN_LIMIT, -12);       /* a configured limit is reached */
DN_CONSTANT(dn_status, DN_PERMISSION, -13);
DN_CONSTANT(dn_status, DN_IO, -14);
DN_CONSTANT(dn_status, DN_CANCELLED, -15);
DN_CONSTANT(dn_status, DN_TIMED_OUT, -16);
DN_CONSTANT(dn_status, DN_ENGINE_DEAD, -17); /* destroy the engine and make it anew; the run may be repeated */
DN_CONSTANT(dn_status, DN_CONFLICT, -18);    /* Since 1.2: somebody else changed it first */
/* -1000 and below belong to the plugin. A reader treats a code that it does not know as DN_FAILED. */

#define DN_ERROR_RETRYABLE (1ull << 0)
#define DN_NO_OFFSET 0xffffffffffffffffull
#define DN_MESSAGE_SIZE 256

/* Written by the callee in the caller's memory, which sets struct_size. Untouched when the call returns DN_OK. */
typedef struct dn_error {
    uint32_t struct_size;
    dn_status code;
    uint64_t flags;        /* DN_ERROR_* */
    uint64_t input_offset; /* byte offset of the bad input, DN_NO_OFFSET = none */
    int32_t os_errno;      /* 0 = none */
    uint32_t padding;      /* 0 */
    char message[DN_MESSAGE_SIZE]; /* UTF-8, always NUL-terminated: cause first, then what to do */
} dn_error;

DN_END
#endif
