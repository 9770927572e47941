/* Runs a function image in this process, without any isolation, to test the SDK and its functions:
 *
 *     run_image [-m MEBIBYTES] [-o FOLDER] [-r] IMAGE [SET:[ITEM[#KEY]=TEXT | SET:ITEM[#KEY]=@FILE]]... -- [OUTPUT_SET]...
 *
 * Prints one line for each output item and its data (or writes it to FOLDER/SET/ITEM) and exits with the function's
 * exit code, 250 when it is beyond 249. With -r the function returns from its entry instead of leaving by an address.
 */
#define _GNU_SOURCE
#include <dandelion/guest.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_SETS 64
#define MAX_ITEMS 4096
#define PAGE 4096ul
#define STACK_SIZE (1ul << 20)

struct input {
    size_t set;
    const char *name;
    size_t name_length;
    uint64_t key;
    char *data;
    size_t length;
};

static struct input inputs[MAX_ITEMS];
static const char *set_names[MAX_SETS];
static size_t set_name_lengths[MAX_SETS];
static size_t input_count, set_count;
static jmp_buf left;

static void fail(const char *what, const char *of) {
    fprintf(stderr, "run_image: %s: %s\n", of, what);
    exit(251);
}

static char *read_file(const char *path, size_t *length) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) fail(strerror(errno), path);
    char *bytes = malloc((size_t)status.st_size + 1);
    if (!bytes || read(file, bytes, (size_t)status.st_size) != status.st_size) fail("cannot read", path);
    close(file);
    *length = (size_t)status.st_size;
    return bytes;
}

static size_t set_index(const char *name, size_t length) {
    for (size_t i = 0; i < set_count; i++)
        if (set_name_lengths[i] == length && memcmp(set_names[i], name, length) == 0) return i;
    if (set_count == MAX_SETS) fail("too many sets", name);
    set_names[set_count] = name;
    set_name_lengths[set_count] = length;
    return set_count++;
}

static void parse_input(char *argument) {
    char *colon = strchr(argument, ':');
    if (!colon) fail("no SET: in front", argument);
    struct input input = {.set = set_index(argument, (size_t)(colon - argument)), .name = colon + 1};
    char *value = strchr(colon, '=');
    if (!value) return;
    *value++ = 0;
    char *key = strchr(input.name, '#');
    if (key) input.key = strtoull(key + 1, NULL, 10);
    input.name_length = key ? (size_t)(key - input.name) : strlen(input.name);
    if (*value == '@') input.data = read_file(value + 1, &input.length);
    else input.data = value, input.length = strlen(value);
    if (input_count == MAX_ITEMS) fail("too many items", argument);
    inputs[input_count++] = input;
}

/* Places the segments at their addresses, with their rights, and gives the address after the image. */
static uintptr_t place(const char *image, size_t length, const char *path) {
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
    uintptr_t end = 0;
    if (length < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) fail("not an ELF file", path);
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(image + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++) {
        const Elf64_Phdr *segment = &segments[i];
        if (segment->p_type != PT_LOAD) continue;
        uintptr_t low = segment->p_vaddr & ~(PAGE - 1);
        uintptr_t high = (segment->p_vaddr + segment->p_memsz + PAGE - 1) & ~(PAGE - 1);
        if (mmap((void *)low, high - low, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
                 0) == MAP_FAILED)
            fail("a segment's address is taken", path);
        memcpy((void *)segment->p_vaddr, image + segment->p_offset, segment->p_filesz);
        int rights = (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                     (segment->p_flags & PF_X ? PROT_EXEC : 0);
        mprotect((void *)low, high - low, rights);
        if (high > end) end = high;
    }
    return end;
}

static uintptr_t symbol(const char *image, const char *name, const char *path) {
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(image + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB) continue;
        const Elf64_Sym *symbols = (const Elf64_Sym *)(image + sections[i].sh_offset);
        const char *names = image + sections[sections[i].sh_link].sh_offset;
        for (size_t k = 0; k < sections[i].sh_size / sizeof *symbols; k++)
            if (strcmp(names + symbols[k].st_name, name) == 0) return symbols[k].st_value;
    }
    fail("no such symbol", name);
    (void)path;
    return 0;
}

static char *take(char **heap, size_t size, size_t alignment) {
    char *start = (char *)(((uintptr_t)*heap + alignment - 1) & ~(alignment - 1));
    *heap = start + size;
    return start;
}

/* Writes items, names and tables as the platform does: data 128-byte aligned, the heap right behind. */
static void write_inputs(dn_guest_system64 *system, char *heap, char **output_names, size_t outputs) {
    dn_guest_set64 *sets = (dn_guest_set64 *)take(&heap, (set_count + 1) * sizeof *sets, 8);
    dn_guest_set64 *output_sets = (dn_guest_set64 *)take(&heap, (outputs + 1) * sizeof *sets, 8);
    dn_guest_item64 *items = (dn_guest_item64 *)take(&heap, input_count * sizeof *items, 8);
    size_t placed = 0;
    for (size_t set = 0; set < set_count; set++) {
        sets[set] = (dn_guest_set64){(uintptr_t)set_names[set], set_name_lengths[set], placed};
        for (size_t i = 0; i < input_count; i++) {
            if (inputs[i].set != set) continue;
            char *data = take(&heap, inputs[i].length, 128);
            memcpy(data, inputs[i].data, inputs[i].length);
            items[placed++] = (dn_guest_item64){(uintptr_t)inputs[i].name, inputs[i].name_length, (uintptr_t)data,
                                                inputs[i].length, inputs[i].key};
        }
    }
    sets[set_count] = (dn_guest_set64){0, 0, placed};
    for (size_t set = 0; set < outputs; set++)
        output_sets[set] = (dn_guest_set64){(uintptr_t)output_names[set], strlen(output_names[set]), 0};
    system->exit_code = -1;
    system->input_sets_len = set_count;
    system->input_sets = (uintptr_t)sets;
    system->output_sets_len = outputs;
    system->output_sets = (uintptr_t)output_sets;
    system->input_items = (uintptr_t)items;
    system->heap_begin = (uintptr_t)heap;
}

static void *own_thread_pointer; /* hosted functions set their own */

static void leave(void) {
    __asm__ volatile("wrfsbase %0" : : "r"(own_thread_pointer) : "memory");
    longjmp(left, 1);
}

/* Calls the entry on a stack of its own. */
static void enter(uintptr_t address, char *stack_high, dn_guest_entry *entry) {
    __asm__ volatile("rdfsbase %0" : "=r"(own_thread_pointer));
    if (setjmp(left)) return;
    void *saved;
    __asm__ volatile("movq %%rsp, %%rbx\n movq %2, %%rsp\n callq *%1\n movq %%rbx, %%rsp"
                     : "=&a"(saved)
                     : "r"(address), "r"(stack_high), "D"(entry)
                     : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
    __asm__ volatile("wrfsbase %0" : : "r"(own_thread_pointer) : "memory");
}

static void emit(const dn_guest_item64 *item, const char *set, const char *folder) {
    printf("%s/%.*s #%lu %lu bytes\n", set, (int)item->ident_len, (const char *)item->ident, item->key, item->data_len);
    if (!folder) {
        fwrite((const char *)item->data, 1, item->data_len, stdout);
        return;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, set);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%.*s", folder, set, (int)item->ident_len, (const char *)item->ident);
    FILE *file = fopen(path, "w");
    if (!file) fail(strerror(errno), path);
    fwrite((const char *)item->data, 1, item->data_len, file);
    fclose(file);
}

int main(int count, char **arguments) {
    size_t mebibytes = 64, length;
    const char *folder = NULL;
    int returns = 0, option;
    while ((option = getopt(count, arguments, "+m:o:r")) != -1) {
        if (option == 'm') mebibytes = strtoul(optarg, NULL, 10);
        else if (option == 'o') folder = optarg;
        else if (option == 'r') returns = 1;
        else return 251;
    }
    if (optind >= count) fail("no image given", arguments[0]);
    const char *path = arguments[optind++];
    for (; optind < count && strcmp(arguments[optind], "--") != 0; optind++) parse_input(arguments[optind]);
    char **output_names = arguments + optind + 1;
    size_t outputs = optind < count ? (size_t)(count - optind - 1) : 0;

    char *image = read_file(path, &length);
    uintptr_t end = place(image, length, path);
    dn_guest_system64 *system = (dn_guest_system64 *)symbol(image, "__dandelion_system_data", path);
    char *heap = mmap((void *)end, mebibytes << 20, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (heap == MAP_FAILED || stack == MAP_FAILED) fail(strerror(errno), "memory");
    mprotect(stack, PAGE, PROT_NONE);
    write_inputs(system, heap, output_names, outputs);
    system->heap_end = (uintptr_t)heap + (mebibytes << 20);

    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    dn_guest_entry entry = {
        .magic = DN_GUEST_ENTRY_MAGIC, .struct_size = sizeof entry, .exit_address = returns ? 0 : (uintptr_t)leave,
        .system_data = (uintptr_t)system, .stack_low = (uintptr_t)stack + PAGE,
        .stack_high = (uintptr_t)stack + STACK_SIZE, .realtime_ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec,
        .random = {1, 2, 3, 4}};
    enter(((const Elf64_Ehdr *)image)->e_entry, stack + STACK_SIZE, &entry);

    const dn_guest_set64 *sets = (const dn_guest_set64 *)system->output_sets;
    for (size_t set = 0; set < outputs; set++)
        for (uint64_t i = sets[set].offset; i < sets[set + 1].offset; i++)
            emit((const dn_guest_item64 *)system->output_items + i, output_names[set], folder);
    return system->exit_code < 0 || system->exit_code > 249 ? 250 : system->exit_code;
}
