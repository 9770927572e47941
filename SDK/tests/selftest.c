/* A function that checks the runtime it is linked with. Input: set `in` with items a (key 7, "first"), b ("second")
 * and an empty set `none`; output sets `out` and `log`. Exits with the number of the first check that failed. */
#include <dandelion/function.h>
#include <string.h>

#define CHECK(number, condition) \
    if (!(condition)) return number

static unsigned char buffer[8192], expected[8192];

static int bytes_equal(const unsigned char *a, const unsigned char *b, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (a[i] != b[i]) return 0;
    return 1;
}

/* Every length and distance around the sizes where the runtime changes its method, against byte-wise loops. */
static int memory_works(void) {
    static const size_t lengths[] = {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 100, 1023,
                                     1024, 1025, 3000};
    for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
        for (size_t from = 100; from < 140; from += 3) {
            for (size_t to = 80; to < 160; to += 1) {
                size_t length = lengths[n];
                for (size_t i = 0; i < sizeof buffer; i++) buffer[i] = expected[i] = (unsigned char)(i * 7 + i / 256);
                for (size_t i = 0; i < length; i++) expected[to + i] = (unsigned char)((from + i) * 7 + (from + i) / 256);
                memmove(buffer + to, buffer + from, length);
                if (!bytes_equal(buffer, expected, sizeof buffer)) return 0;
            }
            for (size_t i = 0; i < sizeof buffer; i++) expected[i] = buffer[i] = (unsigned char)(i * 5);
            for (size_t i = 0; i < lengths[n]; i++) expected[from + i] = buffer[4096 + n + i];
            memcpy(buffer + from, buffer + 4096 + n, lengths[n]);
            if (!bytes_equal(buffer, expected, sizeof buffer)) return 0;
            for (size_t i = 0; i < lengths[n]; i++) expected[from + i] = 0xa5;
            memset(buffer + from, 0xa5, lengths[n]);
            if (!bytes_equal(buffer, expected, sizeof buffer)) return 0;
        }
    }
    return 1;
}

static int searches_work(void) {
    for (size_t length = 0; length < 70; length++) {
        memset(buffer, 'x', 128);
        memset(expected, 'x', 128);
        if (memcmp(buffer, expected, length) != 0 || memchr(buffer, 'y', length)) return 0;
        for (size_t at = 0; at < length; at++) {
            buffer[at] = 'y' | 0x80;
            if (memcmp(buffer, expected, length) <= 0 || memcmp(expected, buffer, length) >= 0) return 0;
            if (memchr(buffer, 'y' | 0x80, length) != buffer + at) return 0;
            buffer[at] = 0;
            if (strlen((char *)buffer) != at) return 0;
            buffer[at] = 'x';
        }
    }
    return 1;
}

static int add(size_t set, const char *name, size_t key) {
    dandelion_item item = {.name = name, .name_length = strlen(name), .data = (void *)name, .length = strlen(name),
                           .key = key};
    return dandelion_output(set, &item);
}

int main(void) {
    size_t length, in = dandelion_input_set("in");
    CHECK(1, dandelion_input_set_count() == 2 && in == 0 && dandelion_input_set("i") == DANDELION_NO_SET);
    CHECK(2, dandelion_input_count(in) == 2 && dandelion_input_count(1) == 0 && dandelion_input_count(2) == 0);
    dandelion_item *first = dandelion_input(in, 0), *second = dandelion_input(in, 1);
    CHECK(3, first && second == first + 1 && !dandelion_input(in, 2) && !dandelion_input(1, 0) && !dandelion_input(9, 0));
    CHECK(4, first->key == 7 && first->length == 5 && memcmp(first->data, "first", 5) == 0);
    CHECK(5, (uintptr_t)first->data % 128 == 0 && second->name_length == 1 && *second->name == 'b');
    const char *name = dandelion_output_set_name(1, &length);
    CHECK(6, length == 3 && memcmp(name, "log", 3) == 0 && !dandelion_output_set_name(2, &length) && length == 0);

    char *small = dandelion_allocate(1), *next = dandelion_allocate(100);
    CHECK(10, small && next == small + 16 && (uintptr_t)small % 16 == 0 && *next == 0);
    CHECK(11, !dandelion_allocate(dandelion_available() + 1) && !dandelion_allocate((size_t)-1));

    CHECK(20, memory_works());
    CHECK(21, searches_work());
    CHECK(30, dandelion_realtime_ns() > 1700000000000000000u);
    uint64_t one = dandelion_random();
    /* The first numbers of xoshiro256** from the state 1, 2, 3, 4, as published with it. */
    CHECK(31, one == 11520 && dandelion_random() == 0 && dandelion_random() == 1509978240);

    /* Mixed order of sets; the last item that fits takes the last byte that leaving needs. */
    CHECK(40, add(1, "l1", 1) == 0 && add(0, "o1", 2) == 0 && add(1, "l2", 3) == 0 && add(0, "o2", 4) == 0);
    CHECK(41, add(2, "x", 0) == -1 && add(DANDELION_NO_SET, "x", 0) == -1);
    CHECK(42, dandelion_output(0, first) == 0);
    dandelion_allocate(dandelion_available() & ~(size_t)4095);
    size_t added = 0;
    while (add(1, "full", added) == 0) added++;
    CHECK(43, added > 0 && added < 64 && dandelion_available() < 128);
    return 0;
}
