/* busy: computes for a while, to load an engine.
 *
 * Input set 0: one item, the number of iterations in decimal. Output set 0: one item of the same name and key, the
 * last state of the linear congruential generator that was stepped that often, in decimal.
 * Exit codes: 0, 1 (no number), 2 (no memory).
 */
#include "text.h"

int main(void) {
    const dandelion_item *input = dandelion_input(0, 0);
    uint64_t iterations;
    if (!input || !number(trimmed(view_of(input)), &iterations)) return 1;
    uint64_t state = 1;
    /* Each step needs the one before, and the empty statement keeps the compiler from solving the recurrence. */
    for (uint64_t i = 0; i < iterations; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(state));
    }
    struct text text = {0};
    append_number(&text, state);
    return emit(0, &text, (view){input->name, input->name_length}, input->key);
}
