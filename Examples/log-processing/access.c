/* Access: makes the request that asks the authorisation service which logs the caller may read.
 *
 * Input set 0 `token`: one item, the caller's bearer token. Input set 1 `service`: one item, the service's absolute
 * URL. Output set 0 `request`: one item in the form the HTTP function takes.
 * Exit codes: 0, 1 (token or service missing, or not fit for a header or a URL), 2 (no memory).
 */
#include "../functions/text.h"

/* Nothing that could end the line which it is put into: visible ASCII only. */
static bool is_one_word(view text) {
    for (size_t i = 0; i < text.length; i++)
        if (text.start[i] <= ' ' || text.start[i] > '~') return false;
    return text.length > 0;
}

int main(void) {
    const dandelion_item *token_item = dandelion_input(0, 0), *service_item = dandelion_input(1, 0);
    if (!token_item || !service_item) return 1;
    view token = trimmed(view_of(token_item)), service = trimmed(view_of(service_item));
    if (!is_one_word(token) || !is_one_word(service)) return 1;

    struct text request = {0};
    APPEND(&request, "GET ");
    append(&request, service);
    APPEND(&request, " HTTP/1.1\nAuthorization: Bearer ");
    append(&request, token);
    APPEND(&request, "\nAccept: application/json\n\n");
    return emit(0, &request, VIEW("authorisation"), 0);
}
