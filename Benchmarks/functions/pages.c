/* A program with KIB of data, in its image or, with SNAPSHOT, built before the point where invocations begin. Its input is two
 * 64-bit words: how many of the pages it reads and how many others it writes, both evenly spread. */
#include <dandelion/function.h>
#include <dandelion/program.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ul
#define TEXT(x) #x
#define STRING(x) TEXT(x)
#define SIZE (KIB * 1024ul)

#ifndef SNAPSHOT
__asm__(".pushsection .data\n"
        ".balign 4096\n"
        "ballast: .fill " STRING(KIB) " * 128, 8, 0x0707070707070707\n"
        ".popsection\n");
extern char ballast[];
#endif

int main(int argc, char **argv) {
#ifdef SNAPSHOT
    char *ballast = aligned_alloc(PAGE, SIZE);
    if (!ballast) return 2;
    memset(ballast, 7, SIZE);
    dandelion_snapshot(&argc, &argv);
#else
    (void)argc, (void)argv;
#endif
    const dandelion_item *input = dandelion_input(0, 0);
    if (!input || input->length != 16) return 3;
    const uint64_t *words = input->data;
    static uint64_t sum;
    for (uint64_t i = 0, n = words[0]; i < n; i++) sum += *(volatile char *)(ballast + i * (SIZE / PAGE) / n * PAGE);
    for (uint64_t i = 0, n = words[1]; i < n; i++)
        *(volatile char *)(ballast + (i * (SIZE / PAGE) / n + SIZE / PAGE / n / 2) * PAGE) = (char)sum;
    dandelion_item result = {.name = "sum", .name_length = 3, .data = &sum, .length = sizeof sum};
    return dandelion_output(0, &result) == 0 ? 0 : 1;
}
