/* What lies in a function's memory: shared by the host, which writes and reads it, and the SDK.
 *
 * __dandelion_system_data is the original system's structure, byte for byte (72 bytes with 8-byte pointers, 36 with
 * 4-byte ones). The entry block beside it carries what the original lacks, so that an image needs no platform code.
 */
#ifndef DANDELION_GUEST_H
#define DANDELION_GUEST_H

#include <stdint.h>

/* 64-bit images. All pointers are guest addresses. */
typedef struct dn_guest_item64 {
    uint64_t ident; /* UTF-8, not NUL-terminated */
    uint64_t ident_len;
    uint64_t data; /* 128-byte aligned for inputs */
    uint64_t data_len;
    uint64_t key; /* 32 bits are kept */
} dn_guest_item64;

/* Set i has items [sets[i].offset, sets[i + 1].offset); the array ends with one of (0, 0, number of items). */
typedef struct dn_guest_set64 {
    uint64_t ident;
    uint64_t ident_len;
    uint64_t offset;
} dn_guest_set64;

typedef struct dn_guest_system64 {
    int32_t exit_code; /* the host writes -1; 0-255 are the user's */
    uint32_t padding;
    uint64_t heap_begin;
    uint64_t heap_end;
    uint64_t input_sets_len;
    uint64_t input_sets;
    uint64_t output_sets_len;
    uint64_t output_sets;
    uint64_t input_items;
    uint64_t output_items; /* the host writes 0 */
} dn_guest_system64;

typedef struct dn_guest_item32 {
    uint32_t ident, ident_len, data, data_len, key;
} dn_guest_item32;

typedef struct dn_guest_set32 {
    uint32_t ident, ident_len, offset;
} dn_guest_set32;

typedef struct dn_guest_system32 {
    int32_t exit_code;
    uint32_t heap_begin, heap_end;
    uint32_t input_sets_len, input_sets;
    uint32_t output_sets_len, output_sets;
    uint32_t input_items, output_items;
} dn_guest_system32;

#define DN_GUEST_REPORT_MAGIC 0x31524c44u /* "DLR1" */

/* What the host may find of a function that ended otherwise than well: words of the image's pointer size, first the address
 * of bytes and then how many there are. The function may change them at any time; the host trusts nothing here. Same layout
 * for 32-bit images. */
typedef struct dn_guest_report {
    uint32_t magic;
    uint32_t struct_size;
    uint64_t standard_output; /* address of the two words of what it wrote there; 0: nothing */
    uint64_t standard_error;
    /* From here on where struct_size says so. */
    uint64_t failure; /* address of the words of three texts in UTF-8: what kind of failure, what is wrong, and where. When the
                       * function leaves with them it has failed, and has no outputs; when it is stopped they tell where it
                       * was. 0: it has not failed */
} dn_guest_report;

#define DN_GUEST_ENTRY_MAGIC 0x31594c44u /* "DLY1" */

/* The entry block: its guest address is the function's first argument. Same layout for 32-bit images. */
typedef struct dn_guest_entry {
    uint32_t magic;
    uint32_t struct_size;
    uint64_t exit_address; /* jump here to leave, on any stack; never returns. 0: return from the entry instead */
    uint64_t system_data;
    uint64_t stack_low;
    uint64_t stack_high;
    uint64_t realtime_ns;  /* CLOCK_REALTIME when the invocation began; functions have no running clock */
    uint64_t random[4];    /* fresh for each invocation: seeds the function's random numbers */
    /* From here on where struct_size says so. */
    uint64_t report;       /* the host writes 0; the function puts the address of its dn_guest_report here, or nothing */
    uint64_t counter_hz;   /* how fast the counter runs that rdtsc or cntvct_el0 reads; 0: not known */
    uint64_t time_ns;      /* how long the function may run, from when it is entered; 0: there is no limit */
} dn_guest_entry;

#define DN_SNAPSHOT_NONE 0u   /* the program goes on when it comes to where it could be taken */
#define DN_SNAPSHOT_WANTED 1u /* written by the host before a run that is to end there */
#define DN_SNAPSHOT_TAKEN 2u  /* written by the program when it left there; stays in the snapshot */

/* Of a program that can begin again from where it left: at the symbol __dandelion_snapshot. Started from a snapshot, it is
 * entered as ever, finds DN_SNAPSHOT_TAKEN here, and takes the new entry block and system data in the place of the old ones. */
typedef struct dn_guest_snapshot {
    uint32_t state;      /* DN_SNAPSHOT_* */
    uint32_t padding;    /* 0 */
    uint64_t data_begin; /* with TAKEN: from here on the program has not used its memory */
} dn_guest_snapshot;

#endif
