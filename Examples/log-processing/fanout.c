/* FanOut: turns the authorisation service's answer into one request for each log.
 *
 * Input sets 0 `headers` and 1 `bodies`: the answer; its body is a JSON array of absolute URLs.
 * Output set 0 `requests`: one item for each URL, in the form the HTTP function takes, keyed 0, 1, ... and named after
 * the URL. Output set 1 `failures`: instead, one item that tells why there are no requests.
 * Exit codes: 0, 1 (no answer), 2 (no memory).
 */
#include "response.h"

enum { REQUESTS, FAILURES };

static int fail(view what, view detail) {
    struct text text = {0};
    append(&text, what);
    append(&text, detail);
    APPEND(&text, "\n");
    return emit(FAILURES, &text, VIEW("authorisation"), 0);
}

/* Takes the next string off a JSON array, without its quotes. URLs need no escapes, so those are refused, as is
 * anything that would break the request's first line. */
static bool next_string(view *json, view *string) {
    *json = trimmed(*json);
    if (json->length < 2 || json->start[0] != '"') return false;
    size_t end = 1;
    while (end < json->length && json->start[end] != '"') {
        if (json->start[end] <= ' ' || json->start[end] == '\\') return false;
        end++;
    }
    if (end >= json->length || end == 1) return false;
    *string = (view){json->start + 1, end - 1};
    *json = trimmed(without(*json, end + 1));
    return true;
}

static int request(view url, size_t key) {
    struct text text = {0};
    APPEND(&text, "GET ");
    append(&text, url);
    APPEND(&text, " HTTP/1.1\nAccept: text/plain\n\n");
    return emit(REQUESTS, &text, url, key);
}

/* How many URLs the array holds, or -1 when it is not an array of URLs. */
static int64_t check(view json) {
    view url;
    int64_t count = 0;
    json = trimmed(json);
    if (json.length < 2 || json.start[0] != '[') return -1;
    json = trimmed(without(json, 1));
    if (json.length == 1 && json.start[0] == ']') return 0;
    for (; next_string(&json, &url); json = without(json, 1)) {
        count++;
        if (json.length == 1 && json.start[0] == ']') return count;
        if (json.length == 0 || json.start[0] != ',') return -1;
    }
    return -1;
}

int main(void) {
    const dandelion_item *headers = dandelion_input(0, 0);
    if (!headers) return 1;
    view status;
    if (status_code(headers, &status) != 200) return fail(VIEW("the authorisation service answered "), status);
    const dandelion_item *body = with_key(1, headers->key);
    view json = body ? view_of(body) : VIEW("");
    int64_t count = check(json);
    if (count < 0) return fail(VIEW("the authorisation service did not answer with a list of URLs"), VIEW(""));
    if (count == 0) return fail(VIEW("the authorisation service grants no log to this token"), VIEW(""));

    json = without(trimmed(json), 1);
    for (int64_t i = 0; i < count; i++) {
        view url;
        next_string(&json, &url);
        json = without(json, 1);
        if (request(url, (size_t)i) != 0) return 2;
    }
    return 0;
}
