/* Counts lines, words and bytes of each input item: /in/NAME gives /out/NAME. */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>

struct counts {
    long lines, words, bytes;
};

static struct counts count(FILE *in) {
    struct counts counts = {0, 0, 0};
    int previous = ' ';
    for (int c; (c = getc(in)) != EOF; previous = c) {
        counts.bytes++;
        counts.lines += c == '\n';
        counts.words += isspace(previous) && !isspace(c);
    }
    return counts;
}

static int count_item(const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "/in/%s", name);
    FILE *in = fopen(path, "r");
    snprintf(path, sizeof path, "/out/%s", name);
    FILE *out = in ? fopen(path, "w") : NULL;
    if (!out) {
        perror(path);
        return 1;
    }
    struct counts counts = count(in);
    fprintf(out, "%ld lines, %ld words, %ld bytes\n", counts.lines, counts.words, counts.bytes);
    printf("%s: done\n", name);
    fclose(in);
    return fclose(out);
}

int main(void) {
    DIR *inputs = opendir("/in");
    int failed = 0;
    if (!inputs) {
        perror("/in");
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(inputs));)
        if (entry->d_type == DT_REG) failed |= count_item(entry->d_name);
    closedir(inputs);
    return failed != 0;
}
