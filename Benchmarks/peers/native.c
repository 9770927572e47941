/* Runs a function written to <dandelion/function.h> as an ordinary program: the same source as in a sandbox of ours.
 *
 *     PROGRAM            answers requests of [n, n * n values] from standard input on standard output, until its end
 *     PROGRAM --loop N FILE   runs the function N times on the file's bytes; prints the median of their nanoseconds
 *
 * The function's `main` is compiled as `function_main`; it sees one input item and adds one output item.
 */
#define _GNU_SOURCE
#include "../load/statistics.h"
#include <dandelion/function.h>
#include <unistd.h>

int function_main(void);

static dandelion_item input = {"a", 1, NULL, 0, 0}, output;
static char *memory;
static size_t memory_used, memory_size;

dandelion_item *dandelion_input(size_t set, size_t index) { return set == 0 && index == 0 ? &input : NULL; }

int dandelion_output(size_t set, const dandelion_item *item) {
    output = *item;
    return set == 0 ? 0 : -1;
}

void *dandelion_allocate(size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (memory_size - memory_used < size) return NULL;
    memory_used += size;
    return memory + memory_used - size;
}

/* Memory that the last run wrote is zero for the next one, as in a new sandbox. */
static int run(void) {
    memset(memory, 0, memory_used);
    memory_used = 0;
    return function_main();
}

static void make_memory(size_t length) {
    if (memory_size >= 2 * length + 4096) return;
    memory_size = 2 * length + 4096;
    free(memory);
    memory = calloc(1, memory_size);
    memory_used = 0;
    input.data = realloc(input.data, length);
    if (!memory || !input.data) exit(2);
}

static int take(void *bytes, size_t length) {
    for (char *at = bytes; length > 0;) {
        ssize_t count = read(0, at, length);
        if (count <= 0) return -1;
        at += count, length -= (size_t)count;
    }
    return 0;
}

static int serve(void) {
    uint64_t n;
    while (take(&n, sizeof n) == 0 && n <= 4096) {
        input.length = (n * n + 1) * 8;
        make_memory(input.length);
        memcpy(input.data, &n, sizeof n);
        if (take((char *)input.data + 8, input.length - 8) != 0 || run() != 0) return 1;
        for (size_t done = 0; done < output.length;) {
            ssize_t count = write(1, (char *)output.data + done, output.length - done);
            if (count <= 0) return 1;
            done += (size_t)count;
        }
    }
    return 0;
}

static int loop(size_t runs, const char *path) {
    FILE *file = fopen(path, "r");
    make_memory(16 << 20);
    uint64_t *times = calloc(runs, sizeof *times);
    if (!file || !times || (input.length = fread(input.data, 1, 16 << 20, file)) == 0) return 2;
    for (size_t i = 0; i < runs; i++) {
        uint64_t start = now_ns();
        if (run() != 0) return 1;
        times[i] = now_ns() - start;
    }
    qsort(times, runs, sizeof *times, compare_times);
    return printf("%llu\n", (unsigned long long)times[runs / 2]) < 0;
}

int main(int count, char **arguments) {
    if (count == 4 && strcmp(arguments[1], "--loop") == 0) return loop(strtoul(arguments[2], NULL, 10), arguments[3]);
    return serve();
}
