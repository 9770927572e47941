/* edge: what edges.py measures. The first word of set 0 says what: make (1) an item of so many bytes, sum (2) the items of set 1,
 * or both (3) in one function, so often as the third word says. Each page is touched once. */
#include <dandelion/function.h>

static uint64_t found[2];

static void sum(const volatile char *data, size_t length) {
    for (size_t at = 0; at + 8 <= length; at += 4096) found[0] += *(const volatile uint64_t *)(data + at);
    found[1] += length;
}

int main(void) {
    const uint64_t *order = dandelion_input(0, 0)->data;
    char *data = NULL;
    if (order[0] & 1) {
        data = dandelion_allocate(order[1]);
        if (!data) return 2;
        for (uint64_t at = 0; at + 8 <= order[1]; at += 4096) *(uint64_t *)(data + at) = at + 1;
    }
    if (order[0] == 3)
        for (uint64_t i = 0; i < order[2]; i++) sum(data, order[1]);
    for (size_t i = 0; order[0] == 2 && i < dandelion_input_count(1); i++) {
        dandelion_item *item = dandelion_input(1, i);
        sum(item->data, item->length);
    }
    dandelion_item result = {.name = "found", .name_length = 5, .data = found, .length = sizeof found};
    if (order[0] == 1) result = (dandelion_item){.name = "made", .name_length = 4, .data = data, .length = order[1]};
    return dandelion_output(0, &result) == 0 ? 0 : 1;
}
