/* The floor of an image that is mapped instead of copied, and of a snapshot, on one CPU.
 *
 *     mapped_floor [CPU [RUNS [MIB [READ_PAGES [WRITTEN_PAGES]]]]]
 *
 * A sealed memory file of MIB (16) is mapped privately into a fresh process for each run, forked ahead of it from a small one that
 * has the mapping. A run wakes the process, which reads READ_PAGES (256) pages and writes WRITTEN_PAGES (200) others, evenly spread;
 * then the host finds what was written (PAGEMAP_SCAN) and copies it to itself (process_vm_readv). Printed are microseconds, the
 * medians of RUNS (400), for a run that touches nothing, one that reads, and one that does both:
 *
 *     touched   from waking the process to its end
 *     fetched   finding and copying what it wrote
 *     cycle     everything, with fork, kill and reap
 *
 * The last line has the same with pages made the process's own ahead of the run (MADV_POPULATE_WRITE), as a platform may that has
 * seen the function before.
 */
#define _GNU_SOURCE
#include "../load/statistics.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define MOST 4096

/* Of linux/fs.h since Linux 6.7, which many machines' headers do not have yet. */
struct page_region_ {
    uint64_t start, end, categories;
};
struct pm_scan_arg_ {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, category_inverted, category_mask, category_anyof_mask,
        return_mask;
};
#define PAGEMAP_SCAN_ _IOWR('f', 16, struct pm_scan_arg_)
#define IS_FILE (1u << 2)
#define IS_PRESENT (1u << 3)

struct control {
    uint32_t ready, go, done; /* futex words */
};

static struct control *control;
static char *image, *mirror;
static unsigned long size, reads = 256, writes = 200;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void wake(uint32_t *word) {
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await(uint32_t *word) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0) syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

/* The page of touch `index` of `count`; written ones lie between those that are read. */
static char *place(unsigned long index, unsigned long count, bool written) {
    unsigned long pages = size / PAGE;
    return image + (index * pages / count + (written ? pages / count / 2 : 0)) % pages * PAGE;
}

static void run_child(unsigned long read, unsigned long write, bool ahead) {
    for (unsigned long i = 0; ahead && i < write; i++) madvise(place(i, write, true), PAGE, MADV_POPULATE_WRITE);
    wake(&control->ready);
    await(&control->go);
    unsigned sum = 0;
    for (unsigned long i = 0; i < read; i++) sum += *(volatile char *)place(i, read, false);
    for (unsigned long i = 0; i < write; i++) *(volatile char *)place(i, write, true) = (char)sum;
    wake(&control->done);
    for (;;) pause();
}

static void fetch(pid_t child, int pagemap) {
    static struct page_region_ found[MOST];
    static struct iovec local[MOST], remote[MOST];
    struct pm_scan_arg_ scan = {.size = sizeof scan, .start = (uintptr_t)image, .end = (uintptr_t)image + size,
                               .vec = (uintptr_t)found, .vec_len = MOST, .category_mask = IS_PRESENT | IS_FILE,
                               .category_inverted = IS_FILE, .return_mask = IS_PRESENT};
    int count = ioctl(pagemap, PAGEMAP_SCAN_, &scan);
    if (count < 0) fail("PAGEMAP_SCAN");
    for (int i = 0; i < count; i++) {
        remote[i] = (struct iovec){(void *)found[i].start, found[i].end - found[i].start};
        local[i] = (struct iovec){mirror + (found[i].start - (uintptr_t)image), remote[i].iov_len};
    }
    for (int i = 0; i < count; i += 1024) {
        int some = count - i < 1024 ? count - i : 1024;
        if (process_vm_readv(child, local + i, some, remote + i, some, 0) < 0) fail("process_vm_readv");
    }
}

static double median(uint64_t *times, size_t count) {
    qsort(times, count, sizeof *times, compare_times);
    return percentile(times, count, 0.5);
}

static void measure(const char *title, unsigned long read, unsigned long write, bool ahead, size_t runs) {
    uint64_t *touched = calloc(runs, sizeof *touched), *fetched = calloc(runs, sizeof *fetched), *cycle = calloc(runs, sizeof *cycle);
    for (size_t i = 0; i < runs; i++) {
        *control = (struct control){0};
        uint64_t begin = now_ns();
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) run_child(read, write, ahead);
        await(&control->ready);
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/pagemap", child);
        int pagemap = open(path, O_RDONLY | O_CLOEXEC);
        if (pagemap < 0) fail(path);
        uint64_t go = now_ns();
        wake(&control->go);
        await(&control->done);
        uint64_t end = now_ns();
        fetch(child, pagemap);
        uint64_t got = now_ns();
        close(pagemap);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        touched[i] = end - go;
        fetched[i] = got - end;
        cycle[i] = now_ns() - begin;
    }
    printf("%-34s %9.1f %9.1f %9.1f\n", title, median(touched, runs), median(fetched, runs), median(cycle, runs));
}

int main(int argc, char **argv) {
    int cpu = argc > 1 ? atoi(argv[1]) : 0;
    size_t runs = argc > 2 ? (size_t)atol(argv[2]) : 400;
    size = (argc > 3 ? strtoul(argv[3], NULL, 0) : 16) << 20;
    if (argc > 4) reads = strtoul(argv[4], NULL, 0);
    if (argc > 5) writes = strtoul(argv[5], NULL, 0);
    if (writes > MOST || reads == 0 || writes == 0 || runs == 0) return 2;
    pin_to(cpu);
    int file = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0 || ftruncate(file, (off_t)size) != 0) fail("memfd_create");
    char *fill = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (fill == MAP_FAILED) fail("mmap");
    memset(fill, 7, size);
    munmap(fill, size);
    if (fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) fail("F_ADD_SEALS");
    image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    mirror = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    control = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (image == MAP_FAILED || mirror == MAP_FAILED || control == MAP_FAILED) fail("mmap");
    madvise(mirror, size, MADV_DONTFORK);
    printf("%-34s %9s %9s %9s\n", "us, medians", "touched", "fetched", "cycle");
    measure("touches nothing", 0, 0, false, runs);
    measure("reads", reads, 0, false, runs);
    measure("reads and writes", reads, writes, false, runs);
    measure("reads and writes, written ahead", reads, writes, true, runs);
    return 0;
}
