/* Input and output sets. */
#include "runtime.h"
#include <string.h>

/* Output items in the order they were added; dandelion_write_outputs sorts them by set. */
struct output {
    struct output *next;
    size_t set;
    dandelion_item item;
};

static struct output *first_output, *last_output;

static const char *set_name(const struct set *sets, size_t count, size_t set, size_t *length) {
    *length = set < count ? sets[set].name_length : 0;
    return set < count ? sets[set].name : NULL;
}

static size_t set_named(const struct set *sets, size_t count, const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (sets[i].name_length == length && memcmp(sets[i].name, name, length) == 0) return i;
    return DANDELION_NO_SET;
}

size_t dandelion_input_set_count(void) { return __dandelion_system_data.input_set_count; }

const char *dandelion_input_set_name(size_t set, size_t *length) {
    return set_name(__dandelion_system_data.input_sets, dandelion_input_set_count(), set, length);
}

size_t dandelion_input_set(const char *name) {
    return set_named(__dandelion_system_data.input_sets, dandelion_input_set_count(), name);
}

size_t dandelion_input_count(size_t set) {
    if (set >= dandelion_input_set_count()) return 0;
    const struct set *sets = __dandelion_system_data.input_sets;
    return sets[set + 1].first - sets[set].first;
}

dandelion_item *dandelion_input(size_t set, size_t index) {
    if (index >= dandelion_input_count(set)) return NULL;
    return &__dandelion_system_data.input_items[__dandelion_system_data.input_sets[set].first + index];
}

size_t dandelion_output_set_count(void) { return __dandelion_system_data.output_set_count; }

const char *dandelion_output_set_name(size_t set, size_t *length) {
    return set_name(__dandelion_system_data.output_sets, dandelion_output_set_count(), set, length);
}

size_t dandelion_output_set(const char *name) {
    return set_named(__dandelion_system_data.output_sets, dandelion_output_set_count(), name);
}

int dandelion_output(size_t set, const dandelion_item *item) {
    if (set >= dandelion_output_set_count()) return -1;
    /* The item's place in the final table is reserved with it, so that leaving cannot run out of memory. */
    if (dandelion_reserve(sizeof(dandelion_item)) != 0) return -1;
    struct output *output = dandelion_allocate(sizeof *output);
    if (!output) return -1;
    *output = (struct output){.set = set, .item = *item};
    if (last_output) last_output->next = output;
    else first_output = output;
    last_output = output;
    return 0;
}

void dandelion_write_outputs(void) {
    struct set *sets = __dandelion_system_data.output_sets;
    size_t count = dandelion_output_set_count();
    if (!first_output) return;
    dandelion_item *items = dandelion_take_reserved();
    /* A counting sort: sizes into the following set's `first`, sums, then each item to its place, which moves `first`
     * to the set's end; shifting the ends by one set makes them beginnings again. */
    for (size_t i = 0; i <= count; i++) sets[i].first = 0;
    for (struct output *output = first_output; output; output = output->next) sets[output->set + 1].first++;
    for (size_t i = 1; i <= count; i++) sets[i].first += sets[i - 1].first;
    for (struct output *output = first_output; output; output = output->next)
        items[sets[output->set].first++] = output->item;
    for (size_t i = count; i > 0; i--) sets[i].first = sets[i - 1].first;
    sets[0].first = 0;
    __dandelion_system_data.output_items = items;
}
