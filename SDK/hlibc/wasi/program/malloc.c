/* malloc over the pages that files are kept in too; in place of wasi-libc's, which takes the whole memory for its own.
 * A block's header tells where it was taken from. */
#include "../../core/memory.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT ((size_t)16)

struct header {
    size_t size;   /* of the block that was taken */
    size_t offset; /* from its beginning to what malloc returned */
    size_t unused[2];
};
_Static_assert(sizeof(struct header) == 16, "keeps the alignment");

static struct header *header_of(void *pointer) { return (struct header *)pointer - 1; }

static size_t room(void *pointer) {
    const struct header *header = header_of(pointer);
    return hl_block_room(header->size) - header->offset;
}

static void *place(char *block, size_t size, size_t offset) {
    if (!block) {
        errno = ENOMEM;
        return NULL;
    }
    *header_of(block + offset) = (struct header){.size = size, .offset = offset};
    return block + offset;
}

void *malloc(size_t size) {
    size_t whole = size + sizeof(struct header);
    return place(size > PTRDIFF_MAX ? NULL : hl_block_take(whole), whole, sizeof(struct header));
}

void free(void *pointer) {
    if (pointer) hl_block_give((char *)pointer - header_of(pointer)->offset, header_of(pointer)->size);
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX) return place(NULL, 0, 0);
    size_t whole = bytes + sizeof(struct header);
    if (whole >= HL_PAGE) /* such blocks are pages, which know whether they are zero */
        return place(hl_pages_take(hl_pages_for(whole), true), whole, sizeof(struct header));
    void *pointer = malloc(bytes);
    return pointer ? memset(pointer, 0, bytes) : NULL;
}

/* A run of pages is made longer in place when what follows is free. */
static bool extend(void *pointer, size_t size) {
    struct header *header = header_of(pointer);
    size_t whole = size + header->offset;
    if (header->size < HL_PAGE || size > PTRDIFF_MAX) return false;
    if (!hl_pages_extend((char *)pointer - header->offset, hl_pages_for(header->size), hl_pages_for(whole), false))
        return false;
    header->size = whole;
    return true;
}

void *realloc(void *pointer, size_t size) {
    if (!pointer) return malloc(size);
    size_t old = room(pointer);
    if (size <= old || extend(pointer, size)) return pointer;
    void *moved = malloc(size);
    if (!moved) return NULL;
    memcpy(moved, pointer, old);
    free(pointer);
    return moved;
}

void *aligned_alloc(size_t alignment, size_t size) {
    if (alignment <= ALIGNMENT) return malloc(size);
    if ((alignment & (alignment - 1)) != 0 || alignment > PTRDIFF_MAX || size > PTRDIFF_MAX - alignment)
        return place(NULL, 0, 0);
    size_t whole = size + alignment + sizeof(struct header);
    char *block = hl_block_take(whole);
    size_t offset = (((uintptr_t)block + sizeof(struct header) + alignment - 1) & ~(alignment - 1)) - (uintptr_t)block;
    return place(block, whole, offset);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    int saved = errno;
    void *pointer = aligned_alloc(alignment, size);
    errno = saved;
    if (!pointer) return ENOMEM;
    *result = pointer;
    return 0;
}

size_t malloc_usable_size(void *pointer) { return pointer ? room(pointer) : 0; }

/* What wasi-libc's own files call. */
void *__libc_malloc(size_t size) __attribute__((alias("malloc")));
void *__libc_calloc(size_t count, size_t size) __attribute__((alias("calloc")));
void __libc_free(void *pointer) __attribute__((alias("free")));
