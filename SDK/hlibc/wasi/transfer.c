/* Reading and writing: between a file's bytes and the caller's memory, copied once. */
#include "wasi.h"

struct vector {
    wasi_pointer base;
    uint32_t length;
};

#define WASI_VECTORS 1024

/* Reads into one part; the number of bytes, or -errno. */
static int64_t read_part(struct hl_node *node, struct vector part, uint64_t offset) {
    static char scratch[512];
    size_t count = part.length;
    if (node->kind == HL_FILE) {
        const char *from = hl_file_bytes(node, &count, offset);
        return from && wasi_store(part.base, from, count) ? -EFAULT : (int64_t)count;
    }
    int64_t given = 1;
    for (size_t done = 0; done < count && given > 0; done += (size_t)given) {
        given = hl_device_read(node, scratch, count - done < sizeof scratch ? count - done : sizeof scratch);
        if (given <= 0) return (int64_t)done;
        if (wasi_store(part.base + done, scratch, (size_t)given)) return -EFAULT;
    }
    return (int64_t)count;
}

static int64_t write_device(struct hl_node *node, struct vector part) {
    static char scratch[512];
    for (size_t done = 0, step; done < part.length; done += step) {
        step = part.length - done < sizeof scratch ? part.length - done : sizeof scratch;
        if (wasi_load(scratch, part.base + done, step)) return -EFAULT;
        int64_t taken = hl_device_write(node, scratch, step);
        if (taken < 0) return taken;
    }
    return part.length;
}

static int64_t write_part(struct hl_node *node, struct vector part, uint64_t offset) {
    char *to;
    if (node->kind != HL_FILE) return write_device(node, part);
    if (part.length == 0) return 0;
    int error = hl_file_place(node, part.length, offset, &to);
    if (error) return error;
    return wasi_load(to, part.base, part.length) ? -EFAULT : (int64_t)part.length;
}

/* All parts from `offset` on; stops at a short one, and tells an error only when nothing was done. Writes the number of
 * bytes to `result`, and moves the descriptor's offset when it is the one used. */
static int32_t transfer(
    struct wasi_open *open, wasi_pointer vectors, uint32_t count, uint64_t *offset, wasi_pointer result,
    int64_t (*one)(struct hl_node *, struct vector, uint64_t)) {
    uint32_t total = 0;
    if (count > WASI_VECTORS) return EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        struct vector part;
        if (wasi_load(&part, vectors + i * (uint32_t)sizeof part, sizeof part)) return EFAULT;
        if (part.length > INT32_MAX - total) return EINVAL;
        int64_t done = one(open->node, part, *offset);
        if (done < 0 && total == 0) return (int32_t)-done;
        if (done <= 0 && part.length > 0) break;
        total += (uint32_t)done;
        *offset += (uint64_t)done;
        if (done < part.length) break;
    }
    return wasi_store_u32(result, total);
}

static int32_t check(struct wasi_open *open, bool allowed) {
    if (!open) return EBADF;
    if (open->node->kind == HL_DIRECTORY) return EISDIR;
    return allowed ? 0 : EBADF;
}

WASI(fd_read)(int32_t descriptor, wasi_pointer vectors, uint32_t count, wasi_pointer result) {
    struct wasi_open *open = wasi_open_of(descriptor);
    int32_t error = check(open, open && open->reads);
    return error ? error : transfer(open, vectors, count, &open->offset, result, read_part);
}

WASI(fd_pread)(int32_t descriptor, wasi_pointer vectors, uint32_t count, int64_t offset, wasi_pointer result) {
    struct wasi_open *open = wasi_open_of(descriptor);
    uint64_t at = (uint64_t)offset;
    int32_t error = check(open, open && open->reads);
    if (!error && offset < 0) error = EINVAL;
    return error ? error : transfer(open, vectors, count, &at, result, read_part);
}

WASI(fd_write)(int32_t descriptor, wasi_pointer vectors, uint32_t count, wasi_pointer result) {
    struct wasi_open *open = wasi_open_of(descriptor);
    int32_t error = check(open, open && open->writes);
    if (error) return error;
    if (open->flags & WASI_APPEND && open->node->kind == HL_FILE) open->offset = open->node->file.size;
    return transfer(open, vectors, count, &open->offset, result, write_part);
}

WASI(fd_pwrite)(int32_t descriptor, wasi_pointer vectors, uint32_t count, int64_t offset, wasi_pointer result) {
    struct wasi_open *open = wasi_open_of(descriptor);
    uint64_t at = (uint64_t)offset;
    int32_t error = check(open, open && open->writes);
    if (!error && offset < 0) error = EINVAL;
    return error ? error : transfer(open, vectors, count, &at, result, write_part);
}

enum { FROM_START, FROM_HERE, FROM_END };

WASI(fd_seek)(int32_t descriptor, int64_t distance, int32_t whence, wasi_pointer result) {
    struct wasi_open *open = wasi_open_of(descriptor);
    if (!open) return EBADF;
    if (open->node->kind == HL_DIRECTORY) return EBADF;
    uint64_t base = whence == FROM_HERE  ? open->offset
                  : whence == FROM_END ? hl_node_size(open->node)
                                         : 0;
    int64_t to;
    if (whence < FROM_START || whence > FROM_END) return EINVAL;
    if (__builtin_add_overflow((int64_t)base, distance, &to)) return EOVERFLOW;
    if (to < 0) return EINVAL;
    open->offset = (uint64_t)to;
    return wasi_store_u64(result, open->offset);
}

WASI(fd_tell)(int32_t descriptor, wasi_pointer result) {
    struct wasi_open *open = wasi_open_of(descriptor);
    return open && open->node->kind != HL_DIRECTORY ? wasi_store_u64(result, open->offset) : EBADF;
}

WASI(fd_allocate)(int32_t descriptor, int64_t offset, int64_t length) {
    struct wasi_open *open = wasi_open_of(descriptor);
    int64_t end;
    int32_t error = check(open, open && open->writes);
    if (error) return error;
    if (open->node->kind != HL_FILE) return ENODEV;
    if (offset < 0 || length <= 0) return EINVAL;
    if (__builtin_add_overflow(offset, length, &end)) return EFBIG;
    return (uint64_t)end > open->node->file.size ? -hl_file_resize(open->node, (uint64_t)end) : 0;
}

WASI(fd_filestat_set_size)(int32_t descriptor, int64_t size) {
    struct wasi_open *open = wasi_open_of(descriptor);
    int32_t error = check(open, open && open->writes);
    if (error) return error;
    return open->node->kind == HL_FILE && size >= 0 ? -hl_file_resize(open->node, (uint64_t)size) : EINVAL;
}

static int32_t exists(int32_t descriptor) { return wasi_open_of(descriptor) ? 0 : EBADF; }

WASI(fd_sync)(int32_t descriptor) { return exists(descriptor); }

WASI(fd_datasync)(int32_t descriptor) { return exists(descriptor); }

WASI(fd_advise)(int32_t descriptor, int64_t offset, int64_t length, int32_t advice) {
    if (offset < 0 || length < 0 || advice < 0 || advice > 5) return EINVAL;
    return exists(descriptor);
}
