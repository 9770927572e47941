/* The low-level interface of a compute function: input items are read where the platform placed them, output items
 * are handed over where the function built them; nothing is copied.
 *
 * A function is a program with `int main(void)`; what main returns is its exit code. It makes no system call: it gets
 * its inputs before it starts and leaves its outputs behind. Out-of-range arguments give NULL, 0 or an error; they
 * never fault.
 */
#ifndef DANDELION_FUNCTION_H
#define DANDELION_FUNCTION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DANDELION_NO_SET ((size_t)-1)

/* Exit codes 0-255 are the function's own; these are the runtime's. */
#define DANDELION_EXIT_OUT_OF_MEMORY 259

/* One item of a set. Name and data are not NUL-terminated. Input data is 128-byte aligned and the function's own copy:
 * it may be overwritten. The layout is the platform's (dn_guest_item64, dn_guest_item32). */
typedef struct dandelion_item {
    const char *name;
    size_t name_length;
    void *data;
    size_t length;
    size_t key; /* groups items for `keyed`; 32 bits are kept */
} dandelion_item;

/* Input sets are numbered as the function was registered. A set without items may have lost its name. */
size_t dandelion_input_set_count(void);
const char *dandelion_input_set_name(size_t set, size_t *length);
/* The set of that name, or DANDELION_NO_SET. */
size_t dandelion_input_set(const char *name);
size_t dandelion_input_count(size_t set);
/* Item `index` of a set, or NULL beyond its end. The items of a set lie one after another, as an array. */
dandelion_item *dandelion_input(size_t set, size_t index);

size_t dandelion_output_set_count(void);
const char *dandelion_output_set_name(size_t set, size_t *length);
/* The set of that name, or DANDELION_NO_SET. */
size_t dandelion_output_set(const char *name);
/* Adds an item to an output set; items keep their order within a set. Name and data must stay unchanged until the
 * function leaves. Input data may be passed on. Returns 0, or -1 when there is no such set or no memory. */
int dandelion_output(size_t set, const dandelion_item *item);

/* Memory for the rest of the run, 16-byte aligned and zero; NULL when the context is full. There is no free. */
void *dandelion_allocate(size_t size);
/* Bytes that dandelion_allocate can still give. */
size_t dandelion_available(void);

/* Leaves the function, from any depth; the outputs added so far are kept. */
__attribute__((noreturn)) void dandelion_exit(int code);

/* Ends the function as failed: instead of outputs its caller gets an error (422) that says so, with these texts, NUL-terminated
 * UTF-8 or NULL: what kind of failure, such as "ValueError" (256 bytes are told), what is wrong (16 KiB), and where it
 * happened, such as a traceback (the last 64 KiB). */
__attribute__((noreturn)) void dandelion_fail(const char *kind, const char *message, const char *trace);
/* Says where the function is, for the error that its caller gets when it is stopped from now on, by its time limit or a
 * fault; the text must stay unchanged. NULL takes it back. */
void dandelion_where(const char *trace);
/* Nanoseconds that the function may run, from its beginning; 0 when there is no limit, or none is known. */
uint64_t dandelion_time_limit_ns(void);

/* CLOCK_REALTIME in nanoseconds when the invocation began; it does not advance. */
uint64_t dandelion_realtime_ns(void);
/* The next number of a sequence that differs for each invocation. Not for cryptographic keys. */
uint64_t dandelion_random(void);

#ifdef __cplusplus
}
#endif

#endif
