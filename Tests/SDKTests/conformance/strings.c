/* Strings, characters, wide characters, sorting and searching, patterns. */
#define _GNU_SOURCE
#include <ctype.h>
#include <fnmatch.h>
#include <locale.h>
#include <regex.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

static uint32_t seed = 1;
static unsigned draw(unsigned below) { return (seed = seed * 1664525 + 1013904223) / 65536 % below; }
static int sign(int value) { return (value > 0) - (value < 0); }

/* Blocks of every alignment and length up to 100, with two letters, so that long matches occur. */
static void blocks(void) {
    char a[256], b[256];
    for (int round = 0; round < 4000; round++) {
        unsigned offset = draw(32), length = draw(100);
        for (int i = 0; i < 256; i++) a[i] = (char)('a' + (draw(6) == 0)), b[i] = draw(30) ? a[i] : 'b';
        a[offset + length] = b[offset + length] = 0;
        const char *x = a + offset, *y = b + offset, *found;
        printf("%zu %d %d %d ", strlen(x), sign(strcmp(x, y)), sign(strncmp(x, y, length / 2)), sign(memcmp(x, y, length)));
        printf("%d ", (int)((found = strchr(x, 'b')) ? found - x : -1));
        printf("%d ", (int)((found = strrchr(x, 'b')) ? found - x : -1));
        printf("%d ", (int)((found = memchr(x, 'b', length)) ? found - x : -1));
        printf("%d ", (int)((found = memrchr(x, 'b', length)) ? found - x : -1));
        printf("%d ", (int)((found = strstr(x, "aab")) ? found - x : -1));
        printf("%d ", (int)((found = memmem(x, length, "ba", 2)) ? found - x : -1));
        printf("%zu %zu ", strspn(x, "a"), strcspn(x, "b"));
        printf("%d %zu\n", (int)((found = strpbrk(x, "bc")) ? found - x : -1), strnlen(x, length / 3));
        unsigned to = draw(64);
        memmove(a + to, a + offset, length);
        uint32_t sum = 0;
        for (int i = 0; i < 256; i++) sum = sum * 31 + (unsigned char)a[i];
        printf("%u\n", sum);
    }
}

static void copies(void) {
    char buffer[64];
    printf("%s ", strcpy(buffer, "copied"));
    printf("%s ", strcat(buffer, " text"));
    printf("%s ", strncat(buffer, " and more", 4));
    printf("%d ", (int)(stpcpy(buffer, "stop") - buffer));
    memset(buffer, 'x', sizeof buffer);
    strncpy(buffer, "ab", 6);
    printf("%d%d%c ", buffer[2], buffer[5], buffer[6]);
    char *duplicate = strdup("duplicate"), *shorter = strndup("shorter", 5), *at = strcpy(buffer, ",a,,b;c,"), *token;
    printf("%s %s %d %d\n", duplicate, shorter, strcasecmp("HeLLo", "hEllO"), sign(strncasecmp("abC", "abd", 3)));
    free(duplicate);
    free(shorter);
    while ((token = strsep(&at, ",;"))) printf("[%s]", token);
    strcpy(buffer, ",a,,b;c,");
    char *state;
    for (token = strtok_r(buffer, ",;", &state); token; token = strtok_r(NULL, ",;", &state)) printf("<%s>", token);
    puts("");
}

static void characters(void) {
    for (int c = 0; c < 128; c++)
        printf("%d%d%d%d%d%d%d%d%d%d%d %d %d\n", !!isalpha(c), !!isdigit(c), !!isalnum(c), !!isspace(c), !!ispunct(c), !!isupper(c),
            !!islower(c), !!isprint(c), !!isgraph(c), !!iscntrl(c), !!isxdigit(c), toupper(c), tolower(c));
    setlocale(LC_ALL, "C.UTF-8");
    wchar_t wide[32];
    char bytes[64];
    const char *text = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80";
    printf("%zu ", mbstowcs(wide, text, 32));
    printf("%zu", wcslen(wide));
    for (size_t i = 0; i < wcslen(wide); i++) printf(" %x", (unsigned)wide[i]);
    printf(" %zu ", wcstombs(bytes, wide, sizeof bytes));
    printf("%d %d\n", strcmp(bytes, text), MB_CUR_MAX > 3);
    mbstate_t state = {0};
    wchar_t one;
    printf("%d ", (int)mbrtowc(&one, "\xc3", 1, &state));
    printf("%d\n", (int)mbrtowc(&one, "\xbc", 1, &state));
    memset(&state, 0, sizeof state);
    printf("%d %d\n", (int)mbrtowc(&one, "\xff", 1, &state), (int)mblen("\xe2\x82\xac", 3));
    printf("%d %d %ld %ls\n", (int)towupper(0xe9), iswalpha(0xe9) != 0, wcstol(L"-12x", NULL, 10), wcschr(L"abc", L'b'));
    setlocale(LC_ALL, "C");
}

static int numbers(const void *left, const void *right) { return *(const int *)left - *(const int *)right; }

static void sorting(void) {
    int values[500];
    for (int i = 0; i < 500; i++) values[i] = (int)draw(1000);
    qsort(values, 500, sizeof *values, numbers);
    for (int i = 0; i < 500; i++) printf("%d ", values[i]);
    int key = values[250];
    printf("\n%d\n", *(int *)bsearch(&key, values, 500, sizeof *values, numbers) == key);
    void *tree = NULL;
    for (int i = 0; i < 100; i++) tsearch(&values[i], &tree, numbers);
    printf("%d ", tfind(&key, &tree, numbers) != NULL);
    key = 5000;
    printf("%d\n", tfind(&key, &tree, numbers) != NULL);
}

static void patterns(void) {
    static const char *const names[] = {"a.c", "b.h", ".hidden", "dir/a.c", "[x]", "a*c", ""};
    static const char *const globs[] = {"*.c", "?.h", "*", "[ab].?", "[!a]*", "*/*.c", "\\[x\\]", "a\\*c", "**", ""};
    for (size_t g = 0; g < sizeof globs / sizeof *globs; g++)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            printf("%d%d%d ", !fnmatch(globs[g], names[n], 0), !fnmatch(globs[g], names[n], FNM_PATHNAME),
                !fnmatch(globs[g], names[n], FNM_PERIOD));
    puts("");
    static const char *const expressions[] = {"a(b*)c", "^x+$", "(foo|bar)+", "[[:digit:]]{2,3}", "a.c", "(a)(b)?", "(", "a{2", "[z-a]"};
    static const char *const texts[] = {"abbbc", "xxx", "foobarfoo", "12345", "a\nc", "ab", "a", ""};
    for (size_t e = 0; e < sizeof expressions / sizeof *expressions; e++) {
        regex_t compiled;
        int error = regcomp(&compiled, expressions[e], REG_EXTENDED);
        printf("%s: %d", expressions[e], error != 0);
        for (size_t t = 0; error == 0 && t < sizeof texts / sizeof *texts; t++) {
            regmatch_t match[3];
            int missed = regexec(&compiled, texts[t], 3, match, 0);
            printf(" %d", missed);
            for (size_t m = 0; !missed && m <= compiled.re_nsub && m < 3; m++)
                printf(",%d-%d", (int)match[m].rm_so, (int)match[m].rm_eo);
        }
        if (error == 0) regfree(&compiled);
        puts("");
    }
}

int main(void) {
    blocks();
    copies();
    characters();
    sorting();
    patterns();
    return 0;
}
