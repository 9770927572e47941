/* printf and scanf. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static void integers(void) {
    static const char *const flags[] = {"", "-", "+", " ", "#", "0", "+0", "-#", "0#", "'"};
    static const char *const widths[] = {"", "1", "12", ".0", ".1", ".7", "12.7", "3.12"};
    static const char conversions[] = "dioxXu";
    static const long long values[] = {0, 1, -1, 42, INT_MAX, INT_MIN, 123456789, LLONG_MAX, LLONG_MIN};
    char format[64];
    for (size_t f = 0; f < sizeof flags / sizeof *flags; f++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (const char *c = conversions; *c; c++)
                for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
                    snprintf(format, sizeof format, "%%%s%s", flags[f], widths[w]);
                    size_t length = strlen(format);
                    snprintf(format + length, sizeof format - length, "ll%c|", *c);
                    printf(format, values[v]);
                    snprintf(format + length, sizeof format - length, "hh%c|", *c);
                    printf(format, (int)values[v]);
                    puts("");
                }
}

static void fractions(void) {
    static const char *const formats[] = {"%f", "%.0f", "%#.0f", "%.3f", "%20.10f", "%-20.2f|", "%+.1f", "%020.3f", "%e",
        "%.0e", "%.15e", "%E", "%g", "%#.4g", "%.3g", "%.17g", "%G", "%a", "%.2a", "%A", "% .4f"};
    static const double values[] = {0.0, -0.0, 1.0, 0.5, 1.5, 2.5, 0.1, 1e-5, 123456.789, 1e15, 1e16, 1e100, 1e-300, 5e-324,
        1.7976931348623157e308, 0.0001, 99999.95, 999999.5, 3.141592653589793, -2.675, INFINITY, -INFINITY, NAN};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            /* Of %a, the form of numbers below the normal ones is a library's own. */
            if (strpbrk(formats[f], "aA") && fabs(values[v]) < 1e-307) continue;
            printf(formats[f], values[v]);
            puts("");
        }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 3000; i++) {
        double value;
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (isnormal(value)) printf("%.17g %.3e %a\n", value, value, value);
    }
}

static void texts(void) {
    printf("%s|%10s|%-10s|%.2s|%.*s|%c|%5c|%%\n", "text", "text", "text", "text", 3, "text", 'c', 'c');
    printf("%ls|%lc|%.2ls\n", L"wide", (wint_t)L'w', L"third");
    printf("%2$d %1$d %2$*1$d\n", 5, 7);
    int count;
    printf("counted%n", &count);
    printf(" %d\n", count);
    printf("%hhd %hd %ld %lld %jd %zd %td\n", (char)-1, (short)-2, -3L, -4LL, (intmax_t)-5, (size_t)6, (ptrdiff_t)-7);
    char small[5];
    printf("%d %s\n", snprintf(small, sizeof small, "%d", 1234567), small);
    printf("%d %d\n", snprintf(NULL, 0, "%s", "counted only"), snprintf(small, 1, "x"));
}

static void scans(void) {
    int a = -1, b = -1, c = -1, got;
    float f = -1;
    double d = -1;
    char word[32] = "", set[32] = "";
    long long large = -1;
    got = sscanf("12 0x1f 077", "%d %i %i", &a, &b, &c);
    printf("%d %d %d %d\n", got, a, b, c);
    got = sscanf("  word [set]rest", "%31s [%31[^]]", word, set);
    printf("%d %s %s\n", got, word, set);
    got = sscanf("1.5e3,2.5", "%f,%lf", &f, &d);
    printf("%d %g %g\n", got, f, d);
    got = sscanf("12abc", "%2d%n", &a, &b);
    printf("%d %d %d\n", got, a, b);
    printf("%d %d\n", sscanf("", "%d", &a), sscanf("x", "%d", &a));
    got = sscanf("-9223372036854775808 tail", "%lld %*s", &large);
    printf("%d %lld\n", got, large);
    got = sscanf("a-z 17%", "%[a-z-] %d%%", word, &a);
    printf("%d %s %d\n", got, word, a);
    got = sscanf("0x1.8p3 inf nan", "%lf %f", &d, &f);
    printf("%d %g %g\n", got, d, f);
}

static void numbers(void) {
    static const char *const texts[] = {"0", "-1", "+7", "  12x", "0x1F", "017", "zz", "99999999999999999999", "-99999999999999999999",
        "", "0x", "1e400", "1e-400", "4.9e-324", "0x1p-1074", "infinity", "nan(7)", ".5.", "1e", "1e+", "-.e", "2.2250738585072011e-308"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *end;
        for (int base = 0; base <= 36; base += 12) {
            long value = strtol(texts[i], &end, base);
            printf("%ld %d|", value, (int)(end - texts[i]));
            unsigned long unsigned_value = strtoul(texts[i], &end, base);
            printf("%lu %d\n", unsigned_value, (int)(end - texts[i]));
        }
        double value = strtod(texts[i], &end);
        printf("%.17g %d ", value, (int)(end - texts[i]));
        float small = strtof(texts[i], &end);
        printf("%.9g %d\n", small, (int)(end - texts[i]));
    }
}

int main(void) {
    integers();
    fractions();
    texts();
    scans();
    numbers();
    return 0;
}
