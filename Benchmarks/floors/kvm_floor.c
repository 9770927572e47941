/* The least that one invocation can cost under KVM: 100 KiB of code and 4 KiB of data copied in, one KVM_RUN, 4 KiB copied
 * out; then the memory made clean again. One thread, one VM made before, no checks, no faults handled.
 *
 *   cc -O2 -o kvm_floor kvm_floor.c && ./kvm_floor [runs]
 *
 * Prints lines "name p50 p99" in microseconds: run_N ends with the result of a function that writes to N pages, cycle_N
 * with its memory zeroed (resident pages found by PAGEMAP_SCAN, Linux 6.7). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, CODE = 100 * 1024, DATA = 4096, SYSTEM = 2 << 20, CONTEXT = 128 << 20, EXIT_PORT = 0x10 };
enum { GDT = 0, IDT = 0x1000, TSS = 0x2000, STUB = 0x5000, KSTACK = 0x6000, EXIT = 0x7000, TABLES = 0x10000 };
static const uint64_t BASE = 0x40000000; /* the context's address, guest-physical and guest-virtual */

struct scan {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned;
};
struct region {
    uint64_t start, end, categories;
};
#define SCAN _IOWR('f', 16, struct scan)

static uint8_t *system_area, *context, code[CODE];
static struct kvm_run *run;
static struct kvm_sregs sregs;
static int vcpu, pagemap;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int must(int result, const char *what) {
    if (result < 0) die(what);
    return result;
}

static void *memory(size_t size) {
    void *p = mmap(NULL, size + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) die("mmap");
    return (void *)(((uintptr_t)p + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
}

static void store(uint64_t at, uint64_t value) { memcpy(system_area + at, &value, 8); }

/* Identity: the system area and the context; the context's first 2 MiB in pages of 4 KiB, code not writable. */
static void make_tables(void) {
    uint64_t root = TABLES, upper = root + PAGE, low = upper + PAGE, pages = low + PAGE, high = pages + PAGE;
    uint64_t image = high + PAGE, table = 0x67, supervisor = 0x63, plain = 1ull << 63 | 0x67;
    store(root, upper | table);
    store(upper, low | table);
    store(upper + 8, high | table);
    store(low, pages | table);
    for (uint64_t at = 0; at < TABLES; at += PAGE)
        store(pages + at / PAGE * 8, at | (at == EXIT ? 0x65 : at == STUB ? 0x61 : supervisor));
    store(high, image | table);
    for (uint64_t i = 1; i < CONTEXT >> 21; i++) store(high + i * 8, (BASE + (i << 21)) | plain | 0x80);
    for (uint64_t i = 0; i < 512; i++) store(image + i * 8, (BASE + i * PAGE) | (i < CODE / PAGE ? 0x65 : plain));
}

static void make_system_area(void) {
    const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff,
                            (0x68 + 0x2000) | (uint64_t)TSS << 16 | 0x89ull << 40, 0};
    memcpy(system_area + GDT, gdt, sizeof gdt);
    for (int i = 0; i < 48; i++) {
        store(IDT + i * 16, (STUB + i * 4) | 0x08 << 16 | 0x8e00ull << 32);
        memcpy(system_area + STUB + i * 4, (uint8_t[]){0xe6, (uint8_t)(0x40 + i), 0xf4}, 3);
    }
    store(TSS + 4, KSTACK + PAGE);
    memcpy(system_area + TSS + 0x66, (uint16_t[]){0x68}, 2);
    memset(system_area + TSS + 0x68, 0xff, 0x2001);
    system_area[TSS + 0x68 + EXIT_PORT / 8] &= (uint8_t)~(1 << EXIT_PORT % 8);
    memcpy(system_area + EXIT, (uint8_t[]){0xe6, EXIT_PORT, 0xf4}, 3);
    make_tables();
}

/* Visits each page of itself, then writes rcx bytes, one per page, from rdi on, and jumps to rsi. */
static void make_code(void) {
    for (int at = 0; at + PAGE < CODE; at += PAGE) {
        int32_t distance = PAGE - 5;
        code[at] = 0xe9;
        memcpy(code + at + 1, &distance, 4);
    }
    static const uint8_t loop[] = {0x48, 0x85, 0xc9, 0x74, 0x0f,             /* test rcx,rcx; jz out */
                                   0xc6, 0x07, 0x01,                         /* mov byte [rdi],1 */
                                   0x48, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, /* add rdi,4096 */
                                   0x48, 0xff, 0xc9, 0x75, 0xf1,             /* dec rcx; jnz */
                                   0xff, 0xe6};                              /* out: jmp rsi */
    memcpy(code + CODE - PAGE, loop, sizeof loop);
}

static void region(int vm, uint32_t slot, uint64_t guest, uint64_t size, void *host) {
    struct kvm_userspace_memory_region r = {slot, 0, guest, size, (uintptr_t)host};
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), "KVM_SET_USER_MEMORY_REGION");
}

static void make_vm(void) {
    int kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    int vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    uint64_t identity_map = 0xfffbc000;
    ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
    ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
    region(vm, 0, 0, SYSTEM, system_area);
    region(vm, 1, BASE, CONTEXT, context);
    vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + 256 * sizeof cpuid->entries[0]);
    cpuid->nent = 256;
    must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
    must(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    int size = must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED) die("mmap of the vCPU");
    run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

static void make_registers(void) {
    must(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    struct kvm_segment data = {.limit = ~0u, .selector = 0x1b, .type = 3, .present = 1, .dpl = 3, .db = 1, .s = 1, .g = 1};
    sregs.ss = sregs.ds = sregs.es = sregs.fs = sregs.gs = data;
    sregs.cs = (struct kvm_segment){
        .limit = ~0u, .selector = 0x23, .type = 11, .present = 1, .dpl = 3, .l = 1, .s = 1, .g = 1};
    sregs.tr = (struct kvm_segment){.base = TSS, .limit = 0x68 + 0x2000, .selector = 0x28, .type = 11, .present = 1};
    sregs.ldt = (struct kvm_segment){.unusable = 1};
    sregs.gdt.base = GDT, sregs.gdt.limit = 55;
    sregs.idt.base = IDT, sregs.idt.limit = 48 * 16 - 1;
    sregs.cr0 = 0x80050033, sregs.cr3 = TABLES, sregs.cr4 = 0x620, sregs.efer = 0xd00;
}

static void enter(uint64_t pages) {
    run->s.regs.regs = (struct kvm_regs){
        .rip = BASE, .rdi = BASE + (2 << 20), .rsi = EXIT, .rcx = pages, .rsp = BASE + CONTEXT - 32, .rflags = 2};
    run->s.regs.sregs = sregs;
    run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
    must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != EXIT_PORT) {
        fprintf(stderr, "exit %u, port 0x%x\n", run->exit_reason, run->io.port);
        exit(1);
    }
}

static void zero_resident(void) {
    static struct region found[128];
    struct scan scan = {.size = sizeof scan, .start = (uintptr_t)context, .end = (uintptr_t)context + CONTEXT,
                        .vec = (uintptr_t)found, .vec_len = 128, .anyof = 1 << 3 | 1 << 4, .returned = 1 << 3};
    for (; scan.start < scan.end; scan.start = scan.walk_end) {
        int count = must(ioctl(pagemap, SCAN, &scan), "PAGEMAP_SCAN");
        for (int i = 0; i < count; i++) memset((void *)found[i].start, 0, found[i].end - found[i].start);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *name, int pages, double *times, int count) {
    qsort(times, (size_t)count, sizeof *times, ascending);
    printf("%s_%d %.1f %.1f\n", name, pages, times[count / 2], times[count * 99 / 100]);
}

static void measure(int pages, int count) {
    static uint8_t input[DATA], result[DATA];
    double *runs = calloc((size_t)count, sizeof *runs), *cycles = calloc((size_t)count, sizeof *cycles);
    for (int i = -20; i < count; i++) {
        double begin = now();
        memcpy(context, code, CODE);
        memcpy(context + CODE, input, DATA);
        enter((uint64_t)pages);
        memcpy(result, context + CODE, DATA);
        double done = now();
        zero_resident();
        if (i >= 0) runs[i] = done - begin, cycles[i] = now() - begin;
    }
    report("run", pages, runs, count);
    report("cycle", pages, cycles, count);
    free(runs);
    free(cycles);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 2000;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    pagemap = must(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), "/proc/self/pagemap");
    system_area = memory(SYSTEM);
    context = memory(CONTEXT);
    make_system_area();
    make_code();
    make_vm();
    make_registers();
    const int pages[] = {0, 10, 100, 1000};
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) measure(pages[i], count);
    return 0;
}
