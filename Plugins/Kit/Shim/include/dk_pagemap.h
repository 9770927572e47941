/* PAGEMAP_SCAN (Linux 6.7), which older headers lack; see Documentation/admin-guide/mm/pagemap.rst. */
#ifndef DK_PAGEMAP_H
#define DK_PAGEMAP_H

#include <stdint.h>
#include <sys/ioctl.h>

struct dk_region {
    uint64_t start, end, categories;
};
struct dk_scan {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
static const unsigned long dk_pagemap_scan = _IOWR('f', 16, struct dk_scan);
static const uint64_t dk_page_file = 1 << 2; /* of a file, not copied for this mapping */
static const uint64_t dk_page_present = 1 << 3;
static const uint64_t dk_page_swapped = 1 << 4;
static const uint64_t dk_page_zero = 1 << 5; /* the shared page of zeros */

#endif
