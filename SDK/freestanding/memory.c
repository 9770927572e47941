/* The functions that a compiler calls on its own account. Short blocks go by overlapping words, long ones by vectors
 * and, where the processor copies strings fast, by its string instructions. */
#include <stdint.h>
#include <string.h>

typedef uint64_t word __attribute__((aligned(1), may_alias));
typedef uint32_t half __attribute__((aligned(1), may_alias));
typedef uint16_t quarter __attribute__((aligned(1), may_alias));
typedef uint64_t vector __attribute__((vector_size(16), aligned(1), may_alias));

#define LONG 1024 /* from here on `rep movsb` and `rep stosb` win over the loops */

/* Up to 32 bytes; everything is loaded before anything is stored, so the blocks may overlap. */
static void move_short(char *to, const char *from, size_t length) {
    if (length >= 16) {
        vector first = *(const vector *)from, last = *(const vector *)(from + length - 16);
        *(vector *)to = first;
        *(vector *)(to + length - 16) = last;
    } else if (length >= 8) {
        word first = *(const word *)from, last = *(const word *)(from + length - 8);
        *(word *)to = first;
        *(word *)(to + length - 8) = last;
    } else if (length >= 4) {
        half first = *(const half *)from, last = *(const half *)(from + length - 4);
        *(half *)to = first;
        *(half *)(to + length - 4) = last;
    } else if (length >= 2) {
        quarter first = *(const quarter *)from, last = *(const quarter *)(from + length - 2);
        *(quarter *)to = first;
        *(quarter *)(to + length - 2) = last;
    } else if (length == 1) {
        *to = *from;
    }
}

static void copy_forward(char *to, const char *from, size_t length) {
    vector last = *(const vector *)(from + length - 16);
    char *last_to = to + length - 16;
    for (; length > 32; length -= 32, to += 32, from += 32) {
        vector a = *(const vector *)from, b = *(const vector *)(from + 16);
        *(vector *)to = a;
        *(vector *)(to + 16) = b;
    }
    if (length > 16) *(vector *)to = *(const vector *)from;
    *(vector *)last_to = last;
}

static void copy_backward(char *to, const char *from, size_t length) {
    vector first = *(const vector *)from;
    for (; length > 16; length -= 16) *(vector *)(to + length - 16) = *(const vector *)(from + length - 16);
    *(vector *)to = first;
}

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    if (length <= 32) {
        move_short(to, from, length);
        return to;
    }
#if defined(__x86_64__)
    if (length >= LONG) {
        void *end = to;
        __asm__ volatile("rep movsb" : "+D"(end), "+S"(from), "+c"(length) : : "memory");
        return to;
    }
#endif
    copy_forward(to, from, length);
    return to;
}

void *memmove(void *to, const void *from, size_t length) {
    if (length <= 32) move_short(to, from, length);
    else if ((uintptr_t)to - (uintptr_t)from >= length) copy_forward(to, from, length);
    else copy_backward(to, from, length);
    return to;
}

void *memset(void *to, int byte, size_t length) {
    char *bytes = to;
    if (length < 16) {
        for (size_t i = 0; i < length; i++) ((volatile char *)bytes)[i] = (char)byte;
        return to;
    }
#if defined(__x86_64__)
    if (length >= LONG) {
        void *end = to;
        __asm__ volatile("rep stosb" : "+D"(end), "+c"(length) : "a"(byte) : "memory");
        return to;
    }
#endif
    uint64_t pattern = (unsigned char)byte * 0x0101010101010101u;
    vector filled = {pattern, pattern};
    for (size_t i = 0; i + 16 <= length; i += 16) *(vector *)(bytes + i) = filled;
    *(vector *)(bytes + length - 16) = filled;
    return to;
}

int memcmp(const void *left, const void *right, size_t length) {
    const unsigned char *a = left, *b = right;
    while (length >= 8 && *(const word *)a == *(const word *)b) a += 8, b += 8, length -= 8;
    for (; length > 0; a++, b++, length--)
        if (*a != *b) return *a - *b;
    return 0;
}

int bcmp(const void *left, const void *right, size_t length) { return memcmp(left, right, length); }

#if defined(__x86_64__)
typedef char bytes16 __attribute__((vector_size(16)));

/* A bit for each of 16 aligned bytes, set where it equals the pattern's. */
static unsigned matches(const char *at, bytes16 pattern) {
    return (unsigned)__builtin_ia32_pmovmskb128((bytes16)(*(const bytes16 *)at == pattern));
}

/* The first `byte` at or after `from`, without an end. An aligned block lies in one page, so that reading beyond what
 * is looked through is safe. */
static const char *find(const char *from, char byte) {
    const bytes16 pattern = (bytes16){0} + byte;
    const char *at = (const char *)((uintptr_t)from & ~(uintptr_t)15);
    unsigned found = matches(at, pattern) & ~0u << ((uintptr_t)from & 15);
    if (found) return at + __builtin_ctz(found);
    for (at += 16; (uintptr_t)at % 64 != 0; at += 16)
        if ((found = matches(at, pattern)) != 0) return at + __builtin_ctz(found);
    for (;; at += 64) {
        const bytes16 *block = (const bytes16 *)at;
        bytes16 any = (bytes16)(block[0] == pattern) | (bytes16)(block[1] == pattern) | (bytes16)(block[2] == pattern)
                    | (bytes16)(block[3] == pattern);
        if (__builtin_ia32_pmovmskb128(any)) break;
    }
    while ((found = matches(at, pattern)) == 0) at += 16;
    return at + __builtin_ctz(found);
}

size_t strlen(const char *string) { return (size_t)(find(string, 0) - string); }
#else
size_t strlen(const char *string) {
    const uint64_t ones = 0x0101010101010101u;
    const char *at = string;
    for (; (uintptr_t)at % sizeof(word); at++)
        if (!*at) return (size_t)(at - string);
    /* An aligned word lies in one page, so that reading beyond the end is safe. */
    while (!((*(const word *)at - ones) & ~*(const word *)at & (ones << 7))) at += sizeof(word);
    while (((const volatile char *)at)[0]) at++;
    return (size_t)(at - string);
}
#endif

void *memchr(const void *bytes, int byte, size_t length) {
    const unsigned char *at = bytes;
    /* A length beyond the end of memory means: up to where the byte is. */
    const unsigned char *end = (uintptr_t)at + length < (uintptr_t)at ? (const unsigned char *)UINTPTR_MAX : at + length;
#if defined(__x86_64__)
    for (; end - at >= 16; at += 16) {
        vector block = *(const vector *)at;
        bytes16 pattern = (bytes16){0} + (char)byte;
        unsigned found = (unsigned)__builtin_ia32_pmovmskb128((bytes16)((bytes16)block == pattern));
        if (found) return (void *)(uintptr_t)(at + __builtin_ctz(found));
    }
#else
    const uint64_t ones = 0x0101010101010101u, pattern = (unsigned char)byte * ones;
    /* A byte of `differ` is zero where the byte was found (Mycroft's test). */
    for (; end - at >= 8; at += 8) {
        uint64_t differ = *(const word *)at ^ pattern;
        if ((differ - ones) & ~differ & (ones << 7)) break;
    }
#endif
    for (; at < end; at++)
        if (*at == (unsigned char)byte) return (void *)(uintptr_t)at;
    return NULL;
}
