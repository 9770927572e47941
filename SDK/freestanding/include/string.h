/* What the compiler may call on its own account, and strlen. */
#ifndef DANDELION_FREESTANDING_STRING_H
#define DANDELION_FREESTANDING_STRING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *__restrict to, const void *__restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *left, const void *right, size_t length);
int bcmp(const void *left, const void *right, size_t length);
void *memchr(const void *bytes, int byte, size_t length);
size_t strlen(const char *string);

#ifdef __cplusplus
}
#endif

#endif
