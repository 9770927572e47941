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

#define DN_OK ((dn_status)0)
#define DN_FAILED ((dn_status)-1)       /* none of the below */
#define DN_MISUSE ((dn_status)-2)       /* the caller broke the contract; the host logs it as a bug of its own */
#define DN_INVALID ((dn_status)-3)      /* an argument's value is not acceptable */
#define DN_UNSUPPORTED ((dn_status)-4)  /* not offered by this plugin; an image of another plugin's format */
#define DN_UNAVAILABLE ((dn_status)-5)  /* this machine lacks something */
#define DN_NO_MEMORY ((dn_status)-6)
#define DN_OUT_OF_RANGE ((dn_status)-7) /* address + length outside the context */
#define DN_BAD_IMAGE ((dn_status)-8)    /* the plugin's format, but malformed; dn_error.input_offset says where */
#define DN_BAD_CONFIG ((dn_status)-9)
#define DN_BAD_INPUT ((dn_status)-10)   /* untrusted input refused; dn_error.input_offset says where */
#define DN_BUSY ((dn_status)-11)        /* full at the moment; try later */
#define DN_LIMIT ((dn_status)-12)       /* a configured limit is reached */
#define DN_PERMISSION ((dn_status)-13)
#define DN_IO ((dn_status)-14)
#define DN_CANCELLED ((dn_status)-15)
#define DN_TIMED_OUT ((dn_status)-16)
#define DN_ENGINE_DEAD ((dn_status)-17) /* destroy the engine and make it anew; the run may be repeated */
/* -1000 and below belong to the plugin. A reader treats a code that it does not know as DN_FAILED. */

#define DN_ERROR_RETRYABLE (1ull << 0)
#define DN_NO_OFFSET UINT64_MAX
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
