#include <stdio.h>

int main(void) {
    FILE *in = fopen("/in/item", "r"), *out = fopen("/out/item", "w");
    int first = in ? getc(in) : -1;
    printf("%d %.2f\n", first, first / 2.0);
    return out && fprintf(out, "%c", first) == 1 && fclose(out) == 0 ? 0 : 1;
}
