#include "memory.h"
#include "vfs.h"
#include <errno.h>
#include <string.h>

#define UNINDEXED 8 /* directories up to this size are searched in order */

/* FNV-1a; http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t hash_of(const char *name, size_t length) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static bool names(const struct hl_entry *entry, uint32_t hash, const char *name, size_t length) {
    return entry->hash == hash && entry->node && entry->length == length && memcmp(entry->name, name, length) == 0;
}

struct hl_entry *hl_directory_find(struct hl_node *node, const char *name, size_t length) {
    struct hl_directory *directory = &node->directory;
    uint32_t hash = hash_of(name, length);
    if (!directory->index) {
        for (uint32_t i = 0; i < directory->used; i++)
            if (names(&directory->entries[i], hash, name, length)) return &directory->entries[i];
        return NULL;
    }
    for (uint32_t slot = hash & directory->mask;; slot = (slot + 1) & directory->mask) {
        uint32_t place = directory->index[slot];
        if (place == 0) return NULL;
        if (names(&directory->entries[place - 1], hash, name, length)) return &directory->entries[place - 1];
    }
}

static void index_entry(struct hl_directory *directory, uint32_t place) {
    uint32_t slot = directory->entries[place].hash & directory->mask;
    while (directory->index[slot] != 0) slot = (slot + 1) & directory->mask;
    directory->index[slot] = place + 1;
}

static void free_tables(struct hl_directory *directory) {
    hl_block_give(directory->entries, directory->capacity * sizeof(struct hl_entry));
    if (directory->index) hl_block_give(directory->index, (directory->mask + 1) * sizeof(uint32_t));
}

/* New tables without the removed entries, twice as large when few were removed. */
static int rebuild(struct hl_directory *directory) {
    uint32_t capacity = directory->live < UNINDEXED / 2 ? UNINDEXED : directory->live * 2;
    struct hl_directory old = *directory;
    uint32_t slots = capacity > UNINDEXED ? 16 : 0;
    while (slots > 0 && slots < capacity * 2) slots *= 2;
    if (capacity > UINT32_MAX / 4) return -ENOSPC;
    struct hl_entry *entries = hl_block_take(capacity * sizeof *entries);
    uint32_t *index = slots > 0 ? hl_block_take(slots * sizeof *index) : NULL;
    if (!entries || (slots > 0 && !index)) {
        if (entries) hl_block_give(entries, capacity * sizeof *entries);
        return -ENOSPC;
    }
    directory->entries = entries;
    directory->index = index;
    directory->capacity = capacity;
    directory->mask = slots > 0 ? slots - 1 : 0;
    directory->used = 0;
    if (index) memset(index, 0, slots * sizeof *index);
    for (uint32_t i = 0; i < old.used; i++) {
        if (!old.entries[i].node) continue;
        entries[directory->used] = old.entries[i];
        if (index) index_entry(directory, directory->used);
        directory->used++;
    }
    free_tables(&old);
    return 0;
}

int hl_directory_add(struct hl_node *node, const char *name, size_t length, struct hl_node *child, bool copy) {
    struct hl_directory *directory = &node->directory;
    if (length > HL_NAME_MAX) return -ENAMETOOLONG;
    if (directory->used == directory->capacity) {
        int error = rebuild(directory);
        if (error) return error;
    }
    char *bytes = NULL;
    if (copy) {
        bytes = hl_block_take(length);
        if (!bytes) return -ENOSPC;
        memcpy(bytes, name, length);
    }
    directory->entries[directory->used] = (struct hl_entry){
        .node = child, .name = copy ? bytes : name, .serial = ++directory->serial, .hash = hash_of(name, length),
        .length = (uint16_t)length, .owns_name = copy};
    if (directory->index) index_entry(directory, directory->used);
    directory->used++;
    directory->live++;
    child->links++;
    if (child->kind == HL_DIRECTORY) child->directory.parent = node;
    child->changed = node->modified = node->changed = hl_now();
    return 0;
}

void hl_directory_remove(struct hl_node *node, struct hl_entry *entry) {
    struct hl_node *child = entry->node;
    if (entry->owns_name) hl_block_give((char *)(uintptr_t)entry->name, entry->length);
    entry->node = NULL;
    node->directory.live--;
    child->links--;
    child->changed = node->modified = node->changed = hl_now();
    hl_node_release(child);
}

struct hl_entry *hl_directory_next(struct hl_node *node, uint64_t after) {
    struct hl_directory *directory = &node->directory;
    uint32_t low = 0, high = directory->used;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (directory->entries[middle].serial <= after) low = middle + 1;
        else high = middle;
    }
    while (low < directory->used && !directory->entries[low].node) low++;
    return low < directory->used ? &directory->entries[low] : NULL;
}

void hl_directory_clear(struct hl_node *node) {
    struct hl_directory *directory = &node->directory;
    for (struct hl_entry *entry; (entry = hl_directory_next(node, 0));) hl_directory_remove(node, entry);
    free_tables(directory);
    directory->entries = NULL;
    directory->index = NULL;
    directory->used = directory->capacity = directory->mask = 0;
    directory->serial = 0;
}

void hl_directory_free(struct hl_node *node) { free_tables(&node->directory); }
