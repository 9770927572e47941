/* A program as `dandelion run` runs one: what it gets goes to its outputs, or it ends in the way that its first argument says.
 */
#include <dandelion/function.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void copy(const char *from, const char *to) {
    char line[256];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    if (!in || !out) exit(9);
    while (fgets(line, sizeof line, in)) fprintf(out, "> %s", line);
    fclose(in);
    fclose(out);
}

/* The path that a file has as its first line. */
static const char *path_in(const char *name) {
    static char path[1024];
    FILE *file = fopen(name, "r");
    if (!file || !fgets(path, sizeof path, file)) exit(9);
    fclose(file);
    path[strcspn(path, "\n")] = 0;
    return path;
}

int main(int count, char **arguments) {
    char line[256];
    const char *how = count > 1 ? arguments[1] : "echo";
    fprintf(stderr, "half of the words\n");
    printf("half of the work\n");
    /* What the C library still holds then is handed over. */
    if (strcmp(how, "fail") == 0) dandelion_fail("BadInput", "no number", "at line 3\n");
    fflush(stdout);
    if (strcmp(how, "trap") == 0) __builtin_trap();
    if (strcmp(how, "abort") == 0) abort();
    if (strcmp(how, "where") == 0) dandelion_where("in step 2\n");
    if (strcmp(how, "loop") == 0 || strcmp(how, "where") == 0)
        for (;;) {}
    if (strcmp(how, "much") == 0) {
        for (int i = 0; i < 100000; i++) printf("%d\n", i);
        fflush(stdout);
        __builtin_trap();
    }
    if (strcmp(how, "copy") == 0) copy(arguments[2], arguments[3]);
    if (strcmp(how, "copy-option") == 0) copy(strchr(arguments[2], '=') + 1, arguments[3]);
    if (strcmp(how, "copy-by-name") == 0) copy(path_in(arguments[2]), arguments[3]);
    if (strcmp(how, "make-by-name") == 0) copy(arguments[2], path_in(arguments[2]));
    if (strcmp(how, "echo") == 0)
        while (fgets(line, sizeof line, stdin)) printf("%s %s", getenv("PREFIX") ? getenv("PREFIX") : "", line);
    for (int i = 2; i < count; i++) printf("[%s]", arguments[i]);
    return 7;
}
