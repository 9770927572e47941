#include "mappings.h"

#define SPARE ((size_t)1 << 20) /* what a file may still grow by while it is mapped, if memory allows */

struct mapping {
    struct mapping *next;
    struct hl_node *file;
    char *address;
    size_t pages;
};

static struct mapping *mappings;

static struct mapping *mapping_at(const char *address) {
    struct mapping *at = mappings;
    while (at && (address < at->address || address >= at->address + at->pages * HL_PAGE)) at = at->next;
    return at;
}

bool hl_is_shared(const char *address) { return mapping_at(address) != NULL; }

/* Gives a file memory of whole pages, with room to grow into: it cannot be moved any more. */
static int settle(struct hl_node *file, size_t size) {
    size_t needed = size > file->file.size ? size : file->file.size;
    size_t spare = hl_pages_free() / 16 * HL_PAGE < SPARE ? hl_pages_free() / 16 * HL_PAGE : SPARE;
    bool whole = file->file.capacity > 0 && (uintptr_t)file->file.data % HL_PAGE == 0 && file->file.capacity % HL_PAGE == 0;
    if (file->mapped > 0 || (whole && file->file.capacity >= needed + spare)) return hl_file_reserve(file, needed);
    size_t pages = hl_pages_for(needed + spare);
    char *data = hl_pages_take(pages, false);
    if (!data) return -ENOMEM;
    memcpy(data, file->file.data, file->file.size);
    if (file->file.capacity > 0) hl_block_give(file->file.data, file->file.capacity);
    file->file.data = data;
    file->file.capacity = pages * HL_PAGE;
    return 0;
}

static struct mapping *add(struct hl_node *file, char *address, size_t pages) {
    struct mapping *mapping = hl_block_take(sizeof *mapping);
    if (!mapping) return NULL;
    *mapping = (struct mapping){mappings, file, address, pages};
    mappings = mapping;
    file->mapped++;
    file->holds++;
    return mapping;
}

long hl_map_shared(struct hl_node *file, uint64_t offset, size_t length, bool writes) {
    size_t pages = hl_pages_for(length);
    if (offset > SIZE_MAX / 4 || length > SIZE_MAX / 4) return -ENOMEM;
    int error = settle(file, (size_t)offset + pages * HL_PAGE);
    if (error) return -ENOMEM;
    char *address = file->file.data + offset;
    if (!add(file, address, pages)) return -ENOMEM;
    /* Behind the file's end there are zeros up to the end of its last page. */
    if (offset + pages * HL_PAGE > file->file.size) {
        size_t from = offset > file->file.size ? (size_t)offset : file->file.size;
        memset(file->file.data + from, 0, (size_t)offset + pages * HL_PAGE - from);
    }
    if (writes) file->dirty = true;
    return (long)address;
}

static void forget(struct mapping *mapping) {
    struct mapping **at = &mappings;
    while (*at != mapping) at = &(*at)->next;
    *at = mapping->next;
    mapping->file->mapped--;
    mapping->file->holds--;
    hl_node_release(mapping->file);
    hl_block_give(mapping, sizeof *mapping);
}

bool hl_unmap_shared(char *address, size_t *length) {
    struct mapping *mapping = mapping_at(address);
    if (!mapping) return false;
    char *end = mapping->address + mapping->pages * HL_PAGE;
    if (*length > (size_t)(end - address)) *length = (size_t)(end - address);
    size_t before = (size_t)(address - mapping->address) / HL_PAGE, after = (size_t)(end - address - (long)*length) / HL_PAGE;
    /* A part in the middle leaves two; without memory for the second one that stays mapped. */
    if (before > 0 && after > 0) add(mapping->file, end - after * HL_PAGE, after);
    if (before > 0) mapping->pages = before;
    else if (after > 0) mapping->address = end - after * HL_PAGE, mapping->pages = after;
    else forget(mapping);
    return true;
}

long hl_remap_shared(char *address, size_t old_length, size_t new_length) {
    struct mapping *mapping = mapping_at(address);
    size_t wanted = hl_pages_for(new_length);
    if (!mapping) return 0;
    if (mapping->address != address || mapping->pages != hl_pages_for(old_length)) return -EFAULT;
    size_t end = (size_t)(address - mapping->file->file.data) + wanted * HL_PAGE;
    if (hl_file_reserve(mapping->file, end) != 0) return -ENOMEM;
    mapping->pages = wanted;
    return (long)address;
}
