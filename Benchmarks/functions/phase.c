/* phase: one step of a chain of fetches (paper, section 7.4): sums up the array that was fetched, and asks for the
 * next.
 *
 * Input sets 0 `service`: the URL to ask, one item; 1 `bodies`: an array of 64-bit little-endian integers, or
 * nothing. Output sets 0 `request`: one item in the form the HTTP function takes; 1 `service`: the URL again; 2
 * `result`: sum, least and greatest of every 16th element, three 64-bit words. Exit codes: 0, 1 (no URL), 2 (no
 * memory).
 */
#include "../../Examples/functions/text.h"

static void summarise(const dandelion_item *array, int64_t *result) {
    const int64_t *values = array->data;
    result[0] = 0, result[1] = INT64_MAX, result[2] = INT64_MIN;
    for (size_t i = 0; i < array->length / 8; i += 16) {
        result[0] += values[i];
        if (values[i] < result[1]) result[1] = values[i];
        if (values[i] > result[2]) result[2] = values[i];
    }
}

int main(void) {
    static int64_t result[3];
    const dandelion_item *service = dandelion_input(0, 0), *array = dandelion_input(1, 0);
    if (!service) return 1;
    struct text text = {0};
    APPEND(&text, "GET ");
    append(&text, trimmed(view_of(service)));
    APPEND(&text, " HTTP/1.1\n\n");
    if (emit(0, &text, VIEW("request"), 0) != 0 || dandelion_output(1, service) != 0) return 2;
    if (!array) return 0;
    summarise(array, result);
    dandelion_item item = {"result", 6, result, sizeof result, 0};
    return dandelion_output(2, &item) == 0 ? 0 : 2;
}
