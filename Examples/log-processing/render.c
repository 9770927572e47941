/* Render: summarises access logs in the combined format, one log for each service, as a plain-text report.
 *
 * Input sets 0 `headers` and 1 `bodies`: the answers of the log services; 2 `failures`: reasons told by FanOut.
 * Output set 0 `report`: one item, report.txt.
 * Exit codes: 0, 2 (no memory).
 */
#include "response.h"

enum { HEADERS, BODIES, FAILURES };
enum { NAME_WIDTH = 36, NUMBER_WIDTH = 9, TOP_PATHS = 10 };

struct counts {
    uint64_t lines, classes[6], bytes, malformed; /* classes[2] counts 2xx, and so on */
};

/* Paths and how often each was asked for: a hash table with open addressing, at most half full. */
struct path {
    view name;
    uint64_t count;
};

struct paths {
    struct path *slots;
    size_t capacity, used;
};

static uint64_t hash(view text) {
    uint64_t result = 0xcbf29ce484222325; /* FNV-1a */
    for (size_t i = 0; i < text.length; i++) result = (result ^ (unsigned char)text.start[i]) * 0x100000001b3;
    return result;
}

static struct path *slot(struct paths *paths, view name) {
    size_t at = hash(name) & (paths->capacity - 1);
    while (paths->slots[at].count && !same(paths->slots[at].name, name)) at = (at + 1) & (paths->capacity - 1);
    return &paths->slots[at];
}

static void grow(struct paths *paths) {
    struct paths grown = {.capacity = paths->capacity ? 2 * paths->capacity : 256, .used = paths->used};
    grown.slots = dandelion_allocate(grown.capacity * sizeof *grown.slots);
    if (!grown.slots) dandelion_exit(DANDELION_EXIT_OUT_OF_MEMORY);
    for (size_t i = 0; i < paths->capacity; i++)
        if (paths->slots[i].count) *slot(&grown, paths->slots[i].name) = paths->slots[i];
    *paths = grown;
}

static void count_path(struct paths *paths, view name) {
    if (2 * paths->used >= paths->capacity) grow(paths);
    struct path *path = slot(paths, name);
    if (path->count++ == 0) path->name = name, paths->used++;
}

/* host - user [time] "GET /path HTTP/1.1" status bytes "referrer" "agent" */
static bool count_line(view line, struct counts *counts, struct paths *paths) {
    uint64_t status, bytes;
    next_until(&line, '"');
    view request = next_until(&line, '"');
    line = trimmed(line);
    if (!number(next_until(&line, ' '), &status) || status < 100 || status > 599) return false;
    if (!number(next_until(&line, ' '), &bytes)) return false;
    counts->classes[status / 100]++;
    counts->bytes += bytes;
    next_until(&request, ' ');
    view target = next_until(&request, ' ');
    count_path(paths, next_until(&target, '?'));
    return true;
}

static struct counts count_log(view log, struct paths *paths) {
    struct counts counts = {0};
    while (log.length) {
        view line = next_until(&log, '\n');
        if (!line.length) continue;
        counts.lines++;
        if (!count_line(line, &counts, paths)) counts.malformed++;
    }
    return counts;
}

static void add(struct counts *total, const struct counts *counts) {
    total->lines += counts->lines;
    total->bytes += counts->bytes;
    total->malformed += counts->malformed;
    for (int i = 0; i < 6; i++) total->classes[i] += counts->classes[i];
}

static void left_cell(struct text *report, view text) {
    append(report, text);
    append_spaces(report, text.length < NAME_WIDTH ? NAME_WIDTH - text.length : 1);
}

static void right_cell(struct text *report, view text) {
    append_spaces(report, text.length < NUMBER_WIDTH ? NUMBER_WIDTH - text.length : 1);
    append(report, text);
}

static void number_cell(struct text *report, uint64_t value) {
    struct text digits = {0};
    append_number(&digits, value);
    right_cell(report, (view){digits.start, digits.length});
}

static void row(struct text *report, view name, const struct counts *counts) {
    left_cell(report, name);
    number_cell(report, counts->lines);
    for (int i = 2; i <= 5; i++) number_cell(report, counts->classes[i]);
    number_cell(report, counts->bytes);
    if (counts->malformed) {
        APPEND(report, "  (");
        append_number(report, counts->malformed);
        APPEND(report, " not understood)");
    }
    APPEND(report, "\n");
}

static void render_services(struct text *report, struct paths *paths) {
    struct counts total = {0};
    left_cell(report, VIEW("service"));
    static const view titles[] = {VIEW("requests"), VIEW("2xx"), VIEW("3xx"), VIEW("4xx"), VIEW("5xx"), VIEW("bytes")};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) right_cell(report, titles[i]);
    APPEND(report, "\n");
    for (size_t i = 0; i < dandelion_input_count(HEADERS); i++) {
        const dandelion_item *headers = dandelion_input(HEADERS, i);
        const dandelion_item *body = with_key(BODIES, headers->key);
        view name = {headers->name, headers->name_length}, status;
        if (status_code(headers, &status) != 200) {
            left_cell(report, name);
            APPEND(report, " not read: ");
            append(report, status);
            APPEND(report, "\n");
            continue;
        }
        struct counts counts = count_log(body ? view_of(body) : VIEW(""), paths);
        row(report, name, &counts);
        add(&total, &counts);
    }
    row(report, VIEW("total"), &total);
}

/* The most frequent path, the first by name among equals; its count is taken out of the table. */
static struct path take_top(struct paths *paths) {
    struct path *top = NULL;
    for (size_t i = 0; i < paths->capacity; i++) {
        struct path *path = &paths->slots[i];
        if (!path->count || (top && path->count < top->count)) continue;
        if (top && path->count == top->count) {
            size_t shorter = path->name.length < top->name.length ? path->name.length : top->name.length;
            int order = memcmp(path->name.start, top->name.start, shorter);
            if (order > 0 || (order == 0 && path->name.length > shorter)) continue;
        }
        top = path;
    }
    struct path taken = top ? *top : (struct path){0};
    if (top) top->count = 0;
    return taken;
}

static void render_paths(struct text *report, struct paths *paths) {
    APPEND(report, "\n");
    left_cell(report, VIEW("path"));
    right_cell(report, VIEW("requests"));
    APPEND(report, "\n");
    for (int i = 0; i < TOP_PATHS; i++) {
        struct path path = take_top(paths);
        if (!path.count) break;
        left_cell(report, path.name);
        number_cell(report, path.count);
        APPEND(report, "\n");
    }
}

int main(void) {
    struct text report = {0};
    struct paths paths = {0};
    for (size_t i = 0; i < dandelion_input_count(FAILURES); i++) {
        APPEND(&report, "No logs: ");
        append(&report, view_of(dandelion_input(FAILURES, i)));
    }
    if (dandelion_input_count(HEADERS) > 0) render_services(&report, &paths);
    if (paths.used > 0) render_paths(&report, &paths);
    if (report.length == 0) APPEND(&report, "No logs were read.\n");
    return emit(0, &report, VIEW("report.txt"), 0);
}
