/* Time, numbers, environment, options, streams, jumps: what is left of the C library. */
#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
#include <glob.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void times(void) {
    static const time_t moments[] = {0, 1, -1, 86399, 951782400, 1709164800, 2147483647, 4102444800, -2208988800};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        char text[200];
        struct tm parts;
        gmtime_r(&moments[i], &parts);
        strftime(text, sizeof text, "%A %a %B %b %d %e %H %I %j %m %M %p %S %U %u %V %G %g %W %w %y %Y %D %F %T %R %C %n%t%%", &parts);
        printf("%s %s", text, asctime(&parts));
        printf("%ld\n", (long)timegm(&parts));
    }
    struct tm parts = {.tm_year = 124, .tm_mon = 13, .tm_mday = -5, .tm_hour = 49};
    setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
    tzset();
    printf("%ld ", (long)mktime(&parts));
    printf("%d %d %d\n", parts.tm_mon, parts.tm_mday, parts.tm_isdst);
    time_t summer = 1720000000;
    localtime_r(&summer, &parts);
    printf("%d %d %s %ld\n", parts.tm_hour, parts.tm_isdst, parts.tm_zone, parts.tm_gmtoff);
    memset(&parts, 0, sizeof parts);
    const char *rest = strptime("2024-02-29 13:14:15 Thu rest", "%Y-%m-%d %H:%M:%S %a", &parts);
    printf("%s %d %d %d %d\n", rest, parts.tm_year, parts.tm_mon, parts.tm_mday, parts.tm_hour);
    unsetenv("TZ");
}

/* To 12 digits: the last ones may differ between good libraries. */
static void numbers(void) {
    static double (*const functions[])(double) = {sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, exp, exp2, log, log2, log10,
        sqrt, cbrt, ceil, floor, trunc, round, rint, nearbyint, erf, erfc, tgamma, lgamma, expm1, log1p, logb};
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++)
        for (double x = -2.75; x < 3; x += 0.5) {
            double value = functions[f](x);
            if (isnan(value)) printf("nan ");
            else printf("%.12g ", value);
        }
    puts("");
    int exponent;
    double whole, fraction = modf(-3.25, &whole), mantissa = frexp(12.0, &exponent);
    printf("%g %g %g %d %g %g %g ", fraction, whole, mantissa, exponent, ldexp(0.75, 5), fmod(7.5, 2), remainder(7.5, 2));
    printf("%.12g %.12g %g %g %g %ld\n", pow(2.5, -3.5), hypot(3, 4), fma(2, 3, 4), copysign(1, -0.0), nextafter(1, 2) - 1, lrint(2.5));
    printf("%.15Lg %.15Lg %.15Lg\n", sqrtl(2.0L), powl(1.5L, 10), strtold("0.1", NULL));
    fesetround(FE_UPWARD);
    printf("%ld ", lrint(2.1));
    fesetround(FE_TONEAREST);
    feclearexcept(FE_ALL_EXCEPT);
    volatile double zero = 0, result = 1 / zero;
    printf("%d %d %g\n", fetestexcept(FE_DIVBYZERO) != 0, fetestexcept(FE_OVERFLOW) != 0, result);
    div_t parts = div(-7, 2);
    printf("%d %d %jd %ld\n", parts.quot, parts.rem, imaxabs(-5), labs(-6));
    unsigned short seed[3] = {1, 2, 3};
    printf("%ld ", nrand48(seed));
    printf("%.12f\n", erand48(seed));
}

static void environment(void) {
    char text[] = "NAME=put";
    printf("%d ", setenv("NAME", "set", 0));
    printf("%s ", getenv("NAME"));
    printf("%d ", setenv("NAME", "again", 0));
    printf("%s ", getenv("NAME"));
    printf("%d ", putenv(text));
    printf("%s ", getenv("NAME"));
    printf("%d ", unsetenv("NAME"));
    printf("%d ", getenv("NAME") == NULL);
    errno = 0;
    printf("%d ", setenv("A=B", "x", 1));
    printf("%d\n", errno);
    char path[] = "/usr/lib/file.so", other[] = "/usr/lib/file.so";
    printf("%s %s\n", basename(path), dirname(other));
}

static void options(void) {
    char *arguments[] = {"program", "-a", "file", "-bvalue", "--long", "--with=7", "-x", "--", "-c", NULL};
    static const struct option longs[] = {{"long", no_argument, NULL, 'L'}, {"with", required_argument, NULL, 'W'}, {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(9, arguments, "ab:c", longs, NULL)) != -1) printf("%c=%s ", option, optarg ? optarg : "");
    printf("%d %s\n", optind, arguments[optind]);
}

static void streams(void) {
    char line[64], *grown = NULL;
    size_t room = 0;
    FILE *file = fopen("stream", "w+");
    fprintf(file, "first\nsecond line\n\nlast without end");
    printf("%ld ", ftell(file));
    rewind(file);
    printf("%s", fgets(line, 4, file));
    printf("|%c|", getc(file));
    printf("%c|", ungetc('X', file));
    printf("%d ", getc(file));
    while (getline(&grown, &room, file) >= 0) printf("[%s]", grown);
    printf(" %d %d\n", feof(file) != 0, ferror(file));
    fseek(file, -3, SEEK_END);
    printf("%zu ", fread(line, 1, 10, file));
    fseek(file, 2, SEEK_SET);
    fputs("XX", file);
    fclose(file);
    file = fopen("stream", "a+");
    fputs("!", file);
    fflush(file);
    rewind(file);
    printf("%s", fgets(line, sizeof line, file));
    freopen("other", "w", file);
    setvbuf(file, NULL, _IOLBF, 100);
    fputs("other", file);
    fclose(file);
    char *memory;
    size_t size;
    file = open_memstream(&memory, &size);
    fprintf(file, "%d in memory", 5);
    fclose(file);
    printf("%s %zu\n", memory, size);
    file = fmemopen(memory, size, "r");
    printf("%d ", fscanf(file, "%63s", line));
    printf("%s\n", line);
    fclose(file);
    free(memory);
    free(grown);
    errno = 0;
    printf("%d ", fopen("no/such", "r") == NULL);
    printf("%d ", errno);
    printf("%d ", fopen("x", "bad") == NULL);
    printf("%d\n", errno);
    printf("%d ", rename("stream", "renamed"));
    printf("%d ", remove("renamed"));
    printf("%d\n", remove("renamed"));
    FILE *temporary = tmpfile();
    printf("%d\n", temporary && fputs("x", temporary) >= 0 && fclose(temporary) == 0);
}

static void globs(void) {
    glob_t found;
    mkdir("g", 0755);
    for (char name[] = "g/a1"; name[3] < '6'; name[3]++) fclose(fopen(name, "w"));
    fclose(fopen("g/.hidden", "w"));
    printf("%d", glob("g/*[2-4]", 0, NULL, &found));
    for (size_t i = 0; i < found.gl_pathc; i++) printf(" %s", found.gl_pathv[i]);
    globfree(&found);
    printf(" %d\n", glob("none*", 0, NULL, &found));
    char name[] = "tXXXXXX", folder[] = "dXXXXXX";
    int file = mkstemp(name);
    struct stat status;
    printf("%d %d ", file >= 0, mkdtemp(folder) != NULL);
    fstat(file, &status);
    printf("%o\n", status.st_mode);
    close(file);
    unlink(name);
    rmdir(folder);
}

static jmp_buf place;
static void jump(int depth) {
    if (depth == 0) longjmp(place, 7);
    jump(depth - 1);
}

int main(void) {
    times();
    numbers();
    environment();
    options();
    streams();
    globs();
    int jumped = setjmp(place);
    if (jumped == 0) jump(10);
    printf("%d\n", jumped);
    return 0;
}
