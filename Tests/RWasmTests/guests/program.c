/* An ordinary program: arguments, environment, standard streams, files and folders, memory. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void leave(int code) { exit(code); } /* from some depth */

int main(int count, char **arguments) {
    char line[100];
    for (int i = 0; i < count; i++) printf("[%s]", arguments[i]);
    printf("\nHOME=%s\n", getenv("HOME"));
    while (fgets(line, sizeof line, stdin)) printf("> %s", line);

    DIR *directory = opendir("/in");
    for (struct dirent *entry; directory && (entry = readdir(directory));) printf("%s ", entry->d_name);
    FILE *file = fopen("/in/numbers", "r");
    long number, sum = 0;
    while (file && fscanf(file, "%ld", &number) == 1) sum += number;

    FILE *out = fopen("/out/sum", "w");
    fprintf(out, "%ld %.3Lf\n", sum, 1.5L);
    mkdir("/out/below", 0777);
    out = fopen("/out/below/file", "w");
    fputs("text", out);
    rename("/out/below/file", "/out/below/renamed");
    if (!fopen("/nowhere/file", "r")) fprintf(stderr, "%s\n", strerror(errno));

    unsigned char *memory = malloc(3 << 20);
    memset(memory, 7, 3 << 20);
    memory = realloc(memory, 5 << 20);
    printf("\n%d\n", memory[(3 << 20) - 1]);
    leave(7);
}
