/* quarter_of(DATEKEY): of a day such as 19940517 the quarter, 19942. */
#include "batch.h"

int main(void) {
    const struct batch_integers days = batch_argument("argument0");
    int64_t *quarters = malloc(8 * days.rows + 1);
    if (!quarters) return DANDELION_EXIT_OUT_OF_MEMORY;
    for (uint64_t i = 0; i < days.rows; i++) quarters[i] = days.values[i] / 10000 * 10 + (days.values[i] / 100 % 100 + 2) / 3;
    return batch_give(days.rows, quarters, days.valid);
}
