/* What takes the place of malloc(3) and its like. */
#ifndef HEAP_H
#define HEAP_H

#include <stddef.h>

int ck_heap_prepare(void);
void *ck_malloc(size_t size);
void *ck_calloc(size_t count, size_t size);
void *ck_realloc(void *at, size_t size);
void *ck_reallocarray(void *at, size_t count, size_t size);
void *ck_memalign(size_t alignment, size_t size);
int ck_posix_memalign(void **out, size_t alignment, size_t size);
void *ck_slow_alloc(size_t size, size_t mask);
size_t ck_usable_size(void *at);
void ck_free(void *at);

#endif
