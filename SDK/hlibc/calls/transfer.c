/* Reading and writing. */
#include "calls.h"
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Streams have no offsets. */
static long read_at(struct hl_open *open, void *to, size_t count, uint64_t offset) {
    if (open->node->kind == HL_STREAM) return hl_stream_read(open, to, count);
    return (long)(open->node->kind == HL_DEVICE ? hl_device_read(open->node, to, count)
                                                : hl_file_read(open->node, to, count, offset));
}

static long write_at(struct hl_open *open, const void *from, size_t count, uint64_t offset) {
    if (open->node->kind == HL_STREAM) return hl_stream_write(open, from, count);
    return (long)(open->node->kind == HL_DEVICE ? hl_device_write(open->node, from, count)
                                                : hl_file_write(open->node, from, count, offset));
}

static long read_on(struct hl_open *open, void *to, size_t count) {
    long done = read_at(open, to, count, open->offset);
    if (done > 0 && open->node->kind == HL_FILE) open->offset += (uint64_t)done;
    return done;
}

static long write_on(struct hl_open *open, const void *from, size_t count, bool last_words) {
    if (open->flags & O_APPEND && open->node->kind == HL_FILE) open->offset = open->node->file.size;
    long done = write_at(open, from, count, open->offset);
    if (done == -ENOSPC && last_words && hl_memory_open_reserve()) done = write_at(open, from, count, open->offset);
    if (done > 0 && open->node->kind == HL_FILE) open->offset += (uint64_t)done;
    return done;
}

long hl_read(long descriptor, long buffer, long count) {
    long error;
    struct hl_open *open = hl_readable(descriptor, &error);
    return open ? read_on(open, (void *)buffer, (size_t)count) : error;
}

long hl_write(long descriptor, long buffer, long count) {
    long error;
    struct hl_open *open = hl_writable(descriptor, &error);
    /* What a function says when its memory is full should be heard. */
    bool last_words = descriptor == STDERR_FILENO;
    return open ? write_on(open, (const void *)buffer, (size_t)count, last_words) : error == -EISDIR ? -EBADF : error;
}

long hl_pread(long descriptor, long buffer, long count, long offset) {
    long error;
    struct hl_open *open = hl_readable(descriptor, &error);
    if (open && open->node->kind == HL_STREAM) return -ESPIPE;
    if (open && offset < 0) return -EINVAL;
    return open ? read_at(open, (void *)buffer, (size_t)count, (uint64_t)offset) : error;
}

long hl_pwrite(long descriptor, long buffer, long count, long offset) {
    long error;
    struct hl_open *open = hl_writable(descriptor, &error);
    if (open && open->node->kind == HL_STREAM) return -ESPIPE;
    if (open && offset < 0) return -EINVAL;
    return open ? write_at(open, (const void *)buffer, (size_t)count, (uint64_t)offset) : error;
}

/* One call for each part; stops at a short one, and tells an error only when nothing was done. */
static long each_part(long descriptor, long parts, long count, long offset, long (*one)(long, long, long, long)) {
    const struct iovec *part = (const struct iovec *)parts;
    long total = 0;
    if (count < 0 || count > 1024) return -EINVAL;
    for (long i = 0; i < count; i++) {
        if (part[i].iov_len == 0) continue;
        long done = one(descriptor, (long)part[i].iov_base, (long)part[i].iov_len, offset + total);
        if (done < 0) return total > 0 ? total : done;
        total += done;
        if ((size_t)done < part[i].iov_len) break;
    }
    return total;
}

static long read_part(long descriptor, long buffer, long count, long offset) {
    (void)offset;
    return hl_read(descriptor, buffer, count);
}

static long write_part(long descriptor, long buffer, long count, long offset) {
    (void)offset;
    return hl_write(descriptor, buffer, count);
}

long hl_readv(long descriptor, long parts, long count) {
    long error;
    if (!hl_readable(descriptor, &error)) return error;
    return each_part(descriptor, parts, count, 0, read_part);
}

long hl_writev(long descriptor, long parts, long count) {
    long error;
    if (!hl_writable(descriptor, &error)) return error == -EISDIR ? -EBADF : error;
    return each_part(descriptor, parts, count, 0, write_part);
}

long hl_preadv(long descriptor, long parts, long count, long offset) {
    long error;
    if (!hl_readable(descriptor, &error)) return error;
    return each_part(descriptor, parts, count, offset, hl_pread);
}

long hl_pwritev(long descriptor, long parts, long count, long offset) {
    long error;
    if (!hl_writable(descriptor, &error)) return error == -EISDIR ? -EBADF : error;
    return each_part(descriptor, parts, count, offset, hl_pwrite);
}

long hl_lseek(long descriptor, long offset, long whence) {
    struct hl_open *open = hl_open_of(descriptor);
    if (!open) return -EBADF;
    if (open->node->kind == HL_STREAM) return -ESPIPE;
    bool file = open->node->kind == HL_FILE;
    int64_t size = file ? (int64_t)open->node->file.size : 0, to;
    switch (whence) {
    case SEEK_SET: to = offset; break;
    case SEEK_CUR:
        if (__builtin_add_overflow((int64_t)open->offset, offset, &to)) return -EOVERFLOW;
        break;
    case SEEK_END:
        if (__builtin_add_overflow(size, offset, &to)) return -EOVERFLOW;
        break;
    case SEEK_DATA: to = offset; break; /* files have no holes */
    case SEEK_HOLE: to = size; break;
    default: return -EINVAL;
    }
    if (to < 0) return -EINVAL;
    if ((whence == SEEK_DATA || whence == SEEK_HOLE) && (offset < 0 || offset >= size)) return -ENXIO;
    open->offset = (uint64_t)to;
    return to;
}

/* From a file to a file, a device or a stream; only between files when `ranges`. */
static long copy(struct hl_open *from, uint64_t *from_offset, struct hl_open *to, uint64_t *to_offset, size_t count,
    bool ranges) {
    if (from->node->kind != HL_FILE || (ranges && to->node->kind != HL_FILE)) return -EINVAL;
    uint64_t size = from->node->file.size;
    if (*from_offset >= size || count == 0) return 0;
    if (count > size - *from_offset) count = (size_t)(size - *from_offset);
    /* Room first, since it may move the data that is read when both are one file. */
    int error = to->node->kind == HL_FILE ? hl_file_reserve(to->node, *to_offset + count) : 0;
    if (error) return error;
    long done = write_at(to, from->node->file.data + *from_offset, count, *to_offset);
    if (done > 0) *from_offset += (uint64_t)done;
    if (done > 0 && to->node->kind == HL_FILE) *to_offset += (uint64_t)done;
    return done;
}

static long copy_between(long in, uint64_t *in_offset, long out, uint64_t *out_offset, size_t count, bool ranges) {
    long error;
    struct hl_open *from = hl_readable(in, &error), *to = from ? hl_writable(out, &error) : NULL;
    if (!to) return error;
    return copy(from, in_offset ? in_offset : &from->offset, to, out_offset ? out_offset : &to->offset, count, ranges);
}

long hl_copy_file_range(long in, long in_offset, long out, long out_offset, long count, long flags) {
    if (flags != 0) return -EINVAL;
    return copy_between(in, (uint64_t *)in_offset, out, (uint64_t *)out_offset, (size_t)count, true);
}

long hl_sendfile(long out, long in, long offset, long count) {
    return copy_between(in, (uint64_t *)offset, out, NULL, (size_t)count, false);
}

static long resize(struct hl_node *node, long size) {
    if (node->kind == HL_DIRECTORY) return -EISDIR;
    return node->kind == HL_FILE && size >= 0 ? hl_file_resize(node, (uint64_t)size) : -EINVAL;
}

long hl_truncate(long path, long size) {
    struct hl_node *node;
    long error = hl_find_node(AT_FDCWD, (const char *)path, 0, &node);
    return error ? error : resize(node, size);
}

long hl_ftruncate(long descriptor, long size) {
    long error;
    struct hl_open *open = hl_writable(descriptor, &error);
    if (!open) return hl_open_of(descriptor) ? -EINVAL : -EBADF;
    return resize(open->node, size);
}

long hl_fallocate(long descriptor, long mode, long offset, long length) {
    long error;
    struct hl_open *open = hl_writable(descriptor, &error);
    if (!open) return error == -EISDIR ? -ENODEV : error;
    if (open->node->kind != HL_FILE) return -ENODEV;
    if (offset < 0 || length <= 0) return -EINVAL;
    if (mode != 0) return -EOPNOTSUPP;
    uint64_t end = (uint64_t)offset + (uint64_t)length;
    if (end > INT64_MAX) return -EFBIG;
    return end > open->node->file.size ? hl_file_resize(open->node, end) : 0;
}
