/* Between the files of the freestanding runtime. */
#ifndef DANDELION_RUNTIME_H
#define DANDELION_RUNTIME_H

#include <dandelion/function.h>
#include <dandelion/guest.h>

/* The platform's structures with this target's pointers in them. */
struct set {
    const char *name;
    size_t name_length;
    size_t first; /* index of its first item; one more set closes the array */
};

struct system_data {
    int32_t exit_code;
    char *heap_begin;
    char *heap_end;
    size_t input_set_count;
    struct set *input_sets;
    size_t output_set_count;
    struct set *output_sets;
    dandelion_item *input_items;
    dandelion_item *output_items;
};

#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct set) == sizeof(dn_guest_set64), "layout of a set");
_Static_assert(sizeof(dandelion_item) == sizeof(dn_guest_item64), "layout of an item");
_Static_assert(sizeof(struct system_data) == sizeof(dn_guest_system64), "layout of the system data");
#else
_Static_assert(sizeof(struct set) == sizeof(dn_guest_set32), "layout of a set");
_Static_assert(sizeof(dandelion_item) == sizeof(dn_guest_item32), "layout of an item");
_Static_assert(sizeof(struct system_data) == sizeof(dn_guest_system32), "layout of the system data");
#endif

extern struct system_data __dandelion_system_data;

/* Keeps `size` bytes of the heap for dandelion_take_reserved; -1 when they are not there. */
int dandelion_reserve(size_t size);
/* Gives out what was reserved. */
void *dandelion_take_reserved(void);

/* Builds the array of output items that the platform reads. */
void dandelion_write_outputs(void);

/* What the platform passed to this invocation; NULL when it passed nothing. */
const dn_guest_entry *dandelion_entry_block(void);
/* Hands over what the C library still holds of the standard streams. */
void dandelion_flush(void);

/* Names the function's report in the entry block, when there is something to report. */
void dandelion_report(void);
/* Where the platform finds a standard stream: the words of its address and length. */
void dandelion_report_stream(int descriptor, const void *words);
/* The trace of the failure that was told; empty when none was. */
const void *dandelion_reported_trace(size_t *length);

/* Jumps to `address`, or returns from the image's entry when it is 0. */
__attribute__((noreturn)) void dandelion_leave(uint64_t address);

int main(void);

#endif
