/* Descriptors: 0 to 2 are the files of the set stdio, 3 is the folder to begin in. */
#include "../core/memory.h"
#include "wasi.h"
#include <dandelion/function.h>

static struct wasi_open first[16], *table;
static int32_t count;

static void open_first(void) {
    table = first;
    count = sizeof first / sizeof first[0];
    for (int32_t i = 0; i < WASI_ROOT; i++) {
        struct hl_node *node = hl_standard_file(i);
        node->holds++;
        table[i] = (struct wasi_open){.node = node, .flags = i > 0 ? WASI_APPEND : 0, .reads = i == 0, .writes = i > 0};
    }
    struct hl_node *folder = wasi_working_folder();
    folder->holds++;
    table[WASI_ROOT] = (struct wasi_open){.node = folder, .reads = true, .folder = ""};
    if (folder != hl_root && wasi_open_folders() != 0) wasi_leave(DANDELION_EXIT_OUT_OF_MEMORY);
}

struct wasi_open *wasi_open_of(int32_t descriptor) {
    if (!table) open_first();
    return descriptor >= 0 && descriptor < count && table[descriptor].node ? &table[descriptor] : NULL;
}

static int32_t grow(void) {
    if (count >= WASI_DESCRIPTORS) return -EMFILE;
    size_t size = (size_t)count * sizeof *table;
    struct wasi_open *larger = hl_block_take(size * 2);
    if (!larger) return -ENOMEM;
    memcpy(larger, table, size);
    memset(larger + count, 0, size);
    if (table != first) hl_block_give(table, size);
    table = larger;
    count *= 2;
    return 0;
}

long hl_next_open(long from) {
    while (from < WASI_DESCRIPTORS && !wasi_open_of((int32_t)from)) from++;
    return from < WASI_DESCRIPTORS ? from : -1;
}

int32_t wasi_descriptor_for(struct hl_node *node, uint16_t flags, bool reads, bool writes) {
    int32_t at = WASI_ROOT;
    while (wasi_open_of(at)) at++;
    int32_t error = at == count ? grow() : 0;
    if (error) return error;
    node->holds++;
    table[at] = (struct wasi_open){.node = node, .flags = flags, .reads = reads, .writes = writes};
    return at;
}

static void close_open(struct wasi_open *open) {
    struct hl_node *node = open->node;
    open->node = NULL;
    node->holds--;
    hl_node_release(node);
}

WASI(fd_close)(int32_t descriptor) {
    struct wasi_open *open = wasi_open_of(descriptor);
    if (!open) return EBADF;
    close_open(open);
    return 0;
}

WASI(fd_renumber)(int32_t from, int32_t to) {
    struct wasi_open *source = wasi_open_of(from), *target = wasi_open_of(to);
    if (!source || !target) return EBADF;
    if (source == target) return 0;
    struct wasi_open moved = *source;
    close_open(target);
    *target = moved;
    source->node = NULL;
    return 0;
}

#define ALL_RIGHTS (((uint64_t)1 << 30) - 1)
/* Paths, reading entries, status and times: a folder is neither read nor written, moved in nor resized. */
#define DIRECTORY_RIGHTS UINT64_C(0x07b7fe00)

WASI(fd_fdstat_get)(int32_t descriptor, wasi_pointer to) {
    struct wasi_open *open = wasi_open_of(descriptor);
    if (!open) return EBADF;
    bool directory = open->node->kind == HL_DIRECTORY;
    /* Type and flags, own rights, those of what is opened below. */
    uint64_t rights[3] = {0, directory ? DIRECTORY_RIGHTS : ALL_RIGHTS, ALL_RIGHTS};
    uint8_t head[4] = {wasi_file_type(open->node), 0, (uint8_t)open->flags, 0};
    memcpy(rights, head, sizeof head);
    if (!open->reads) rights[1] &= ~(uint64_t)WASI_RIGHT_READ;
    if (!open->writes) rights[1] &= ~(uint64_t)WASI_RIGHT_WRITE;
    return wasi_store(to, rights, sizeof rights);
}

WASI(fd_fdstat_set_flags)(int32_t descriptor, int32_t flags) {
    struct wasi_open *open = wasi_open_of(descriptor);
    if (!open) return EBADF;
    if (flags & ~WASI_FLAGS) return EINVAL;
    open->flags = (uint16_t)flags;
    return 0;
}

/* Rights can be given up, not taken. */
WASI(fd_fdstat_set_rights)(int32_t descriptor, int64_t base, int64_t inheriting) {
    struct wasi_open *open = wasi_open_of(descriptor);
    (void)inheriting;
    if (!open) return EBADF;
    if ((base & WASI_RIGHT_READ && !open->reads) || (base & WASI_RIGHT_WRITE && !open->writes)) return ENOTCAPABLE;
    open->reads = base & WASI_RIGHT_READ;
    open->writes = base & WASI_RIGHT_WRITE;
    return 0;
}

WASI(fd_prestat_get)(int32_t descriptor, wasi_pointer to) {
    struct wasi_open *open = wasi_open_of(descriptor);
    if (!open || !open->folder) return EBADF;
    const uint32_t directory[2] = {0, open->folder_length + 1};
    return wasi_store(to, directory, sizeof directory);
}

WASI(fd_prestat_dir_name)(int32_t descriptor, wasi_pointer to, uint32_t room) {
    struct wasi_open *open = wasi_open_of(descriptor);
    if (!open || !open->folder) return EBADF;
    if (room <= open->folder_length) return ENAMETOOLONG;
    return wasi_store(to, "/", 1) ? EFAULT : wasi_store(to + 1, open->folder, open->folder_length);
}
