/* /proc: the little of it that programs look into. Contents are made when a file is opened. */
#include "thread.h"
#include "calls.h"
#include <stdarg.h>

enum { MAPS = 1, STAT, STATUS, STATM, CMDLINE, ENVIRON, COMM, LIMITS, AUXV, CPUINFO, MEMINFO, UPTIME, VERSION, LOADAVG, USE };

static const struct {
    const char *name;
    uint8_t made;
} own[] = {{"maps", MAPS}, {"stat", STAT}, {"status", STATUS}, {"statm", STATM}, {"cmdline", CMDLINE},
    {"environ", ENVIRON}, {"comm", COMM}, {"limits", LIMITS}, {"auxv", AUXV}},
  machine[] = {{"cpuinfo", CPUINFO}, {"meminfo", MEMINFO}, {"uptime", UPTIME}, {"version", VERSION}, {"loadavg", LOADAVG},
      {"stat", USE}};

static int add(struct hl_node *directory, const char *name, struct hl_node *node) {
    int error = node ? hl_directory_add(directory, name, strlen(name), node, false) : -ENOMEM;
    if (error && node) hl_node_release(node);
    return error;
}

static int add_link(struct hl_node *directory, const char *name, const char *target) {
    struct hl_place place = {.directory = directory, .name = name, .length = strlen(name)};
    return hl_symlink(target, strlen(target), &place);
}

static int add_made(struct hl_node *directory, const char *name, uint8_t made) {
    struct hl_node *node = hl_node_create(HL_FILE, 0444);
    if (node) node->made = made;
    return add(directory, name, node);
}

static const char *program_path(char *path) {
    const char *name = hl_arguments[0];
    size_t length = strlen(name), slash = name[0] != '/';
    if (length > HL_PATH_MAX - 2) length = HL_PATH_MAX - 2;
    path[0] = '/';
    memcpy(path + slash, name, length);
    path[slash + length] = 0;
    return path;
}

static int fill_own(struct hl_node *directory) {
    char path[HL_PATH_MAX];
    int error = 0;
    for (size_t i = 0; !error && i < sizeof own / sizeof own[0]; i++) error = add_made(directory, own[i].name, own[i].made);
    if (!error) error = add_link(directory, "exe", program_path(path));
    if (!error) error = add_link(directory, "root", "/");
    return error ? error : add_link(directory, "fd", "/dev/fd");
}

int hl_fill_process(struct hl_node *directory) {
    struct hl_node *self = hl_node_create(HL_DIRECTORY, 0555);
    int error = add(directory, "1", self);
    if (!error) error = fill_own(self);
    if (!error) error = add_link(directory, "self", "1");
    for (size_t i = 0; !error && i < sizeof machine / sizeof machine[0]; i++)
        error = add_made(directory, machine[i].name, machine[i].made);
    return error;
}

/* A text that is written to a file in parts. */
struct text {
    struct hl_node *file;
    int error;
};

static void put_bytes(struct text *text, const void *bytes, size_t length) {
    int64_t done = text->error ? 0 : hl_file_write(text->file, bytes, length, text->file->file.size);
    if (done < 0) text->error = (int)done;
}

static void put_number(struct text *text, unsigned long number, unsigned base, size_t width) {
    char digits[24], *end = digits + sizeof digits, *at = end;
    do *--at = "0123456789abcdef"[number % base];
    while ((number /= base) > 0);
    while ((size_t)(end - at) < width) *--at = base == 16 ? '0' : ' ';
    put_bytes(text, at, (size_t)(end - at));
}

/* %s a text, %u an unsigned long, %k one to 8 places, %x one in 8 hexadecimal digits: the standard's formats would bring
 * all of printf into each program that opens a file. */
static void put(struct text *text, const char *format, ...) {
    va_list list;
    va_start(list, format);
    for (const char *from = format; *from;) {
        size_t plain = strcspn(from, "%");
        put_bytes(text, from, plain);
        from += plain;
        if (!*from) break;
        if (from[1] == 's') {
            const char *string = va_arg(list, const char *);
            put_bytes(text, string, strlen(string));
        } else {
            unsigned long number = va_arg(list, unsigned long);
            put_number(text, number, from[1] == 'x' ? 16 : 10, from[1] == 'u' ? 1 : 8);
        }
        from += 2;
    }
    va_end(list);
}

extern char __executable_start[], etext[], end[]; /* the linker's */

static void put_range(struct text *text, const void *low, const void *high, const char *rights, const char *name) {
    put(text, "%x-%x %s 00000000 00:00 0 %s\n", (unsigned long)low & ~(HL_PAGE - 1),
        ((unsigned long)high + HL_PAGE - 1) & ~(HL_PAGE - 1), rights, name);
}

static void put_maps(struct text *text) {
    char path[HL_PATH_MAX], *low, *high;
    program_path(path);
    uintptr_t code = ((uintptr_t)etext + HL_PAGE - 1) & ~(HL_PAGE - 1);
    put_range(text, __executable_start, etext, "r-xp", path);
    put_range(text, (void *)code, end, "rw-p", path);
    put_range(text, hl_pages_begin(), hl_pages_end(), "rw-p", "[heap]");
    hl_stack_bounds(&low, &high);
    put_range(text, low, high, "rw-p", "[stack]");
}

static unsigned long used_kibibytes(void) { return (hl_pages_total() - hl_pages_free()) * (HL_PAGE / 1024); }

static unsigned long ticks(void) { return (unsigned long)(hl_processor_time() / (HL_SECOND / 100)); }

static const char *comm(char name[16]) {
    const char *slash = strrchr(hl_arguments[0], '/');
    const char *from = slash ? slash + 1 : hl_arguments[0];
    size_t length = strlen(from) < 15 ? strlen(from) : 15;
    memcpy(name, from, length);
    name[length] = 0;
    return name;
}

/* Fields as proc(5) numbers them; those that mean nothing here are 0. */
static void put_stat(struct text *text) {
    char *low, *high, name[16];
    hl_stack_bounds(&low, &high);
    put(text, "1 (%s) R 0 1 1 0 -1 0 0 0 0 0 %u 0 0 0 20 0 %u 0 0 %u %u 18446744073709551615 ", comm(name), ticks(),
        (unsigned long)hl_thread_count, hl_pages_total() * HL_PAGE, used_kibibytes() / 4);
    put(text, "%u %u %u 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", (unsigned long)__executable_start,
        (unsigned long)etext, (unsigned long)high);
}

static void put_status(struct text *text) {
    char *low, *high, name[16];
    unsigned long total = hl_pages_total() * (HL_PAGE / 1024), used = used_kibibytes();
    hl_stack_bounds(&low, &high);
    put(text, "Name:\t%s\nUmask:\t0022\nState:\tR (running)\nTgid:\t1\nPid:\t1\nPPid:\t0\nTracerPid:\t0\n", comm(name));
    put(text, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmPeak:\t%k kB\nVmSize:\t%k kB\nVmHWM:\t%k kB\nVmRSS:\t%k kB\n",
        total, total, used, used);
    put(text, "VmData:\t%k kB\nVmStk:\t%k kB\nThreads:\t%u\nCpus_allowed:\t1\nCpus_allowed_list:\t0\n", used,
        (unsigned long)(high - low) / 1024, (unsigned long)hl_thread_count);
}

static void put_words(struct text *text, char **words) {
    for (; *words; words++) put_bytes(text, *words, strlen(*words) + 1);
}

static void put_limits(struct text *text) {
    char *low, *high;
    hl_stack_bounds(&low, &high);
    unsigned long stack = (unsigned long)(high - low), files = HL_DESCRIPTORS;
    put(text, "Limit                     Soft Limit           Hard Limit           Units     \n");
    put(text, "Max stack size            %u             %u             bytes     \n", stack, stack);
    put(text, "Max open files            %u                 %u                 files     \n", files, files);
}

static void put_machine(struct text *text, int made) {
    unsigned long seconds = (unsigned long)(hl_elapsed() / HL_SECOND) + 1;
    unsigned long hundredths = (unsigned long)(hl_elapsed() % HL_SECOND / 10000000);
    switch (made) {
    case CPUINFO:
        put(text, "processor\t: 0\n");
#if defined(__x86_64__)
        put(text, "vendor_id\t: unknown\nmodel name\t: x86-64\nflags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2 syscall lm\n");
#endif
        put(text, "\n");
        break;
    case MEMINFO:
        put(text, "MemTotal:       %k kB\nMemFree:        %k kB\nMemAvailable:   %k kB\n", hl_pages_total() * 4,
            hl_pages_free() * 4, hl_pages_free() * 4);
        put(text, "Buffers:               0 kB\nCached:                0 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n");
        break;
    case UPTIME: put(text, hundredths < 10 ? "%u.0%u 0.00\n" : "%u.%u 0.00\n", seconds, hundredths); break;
    case LOADAVG: put(text, "0.00 0.00 0.00 1/%u 1\n", (unsigned long)hl_thread_count); break;
    case VERSION: put(text, "Linux version 6.0.0-hlibc\n"); break;
    default: put(text, "cpu  %u 0 0 0 0 0 0 0 0 0\ncpu0 %u 0 0 0 0 0 0 0 0 0\n", ticks(), ticks()); break;
    }
}

static char **environment(void) {
    char **at = hl_arguments;
    while (*at) at++;
    return at + 1;
}

int hl_make_contents(struct hl_node *node) {
    struct text text = {node, 0};
    char name[16];
    int error = hl_file_resize(node, 0);
    if (error) return error;
    switch (node->made) {
    case MAPS: put_maps(&text); break;
    case STAT: put_stat(&text); break;
    case STATUS: put_status(&text); break;
    case STATM: put(&text, "%u %u 0 0 0 0 0\n", hl_pages_total(), used_kibibytes() / 4); break;
    case CMDLINE: put_words(&text, hl_arguments); break;
    case ENVIRON: put_words(&text, environment()); break;
    case COMM: put(&text, "%s\n", comm(name)); break;
    case LIMITS: put_limits(&text); break;
    case AUXV: put_bytes(&text, hl_auxiliary, hl_auxiliary_size); break;
    default: put_machine(&text, node->made); break;
    }
    return text.error;
}
