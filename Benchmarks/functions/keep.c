/* keep: occupies time and memory, as a function of the Azure trace did.
 *
 * Input set 0: one item, `ITERATIONS BYTES` in decimal. It writes to every page of that much memory, then computes
 * for that many dependent steps (the platform gives no running clock; the benchmark measures the time of a step
 * first). Output set 0: one item, the last state in decimal. Exit codes: 0, 1 (no numbers), 2 (no memory).
 */
#include "../../Examples/functions/text.h"

int main(void) {
    const dandelion_item *input = dandelion_input(0, 0);
    uint64_t iterations, bytes, state = 1;
    if (!input) return 1;
    view bytes_text = trimmed(view_of(input)), iterations_text = next_until(&bytes_text, ' ');
    if (!number(iterations_text, &iterations) || !number(bytes_text, &bytes)) return 1;
    volatile char *memory = dandelion_allocate(bytes);
    if (bytes && !memory) return 2;
    for (uint64_t at = 0; at < bytes; at += 4096) memory[at] = 1;
    for (uint64_t i = 0; i < iterations; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(state));
    }
    struct text result = {0};
    append_number(&result, state);
    return emit(0, &result, (view){input->name, input->name_length}, input->key);
}
