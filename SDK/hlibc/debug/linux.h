/* Real system calls, for the debug backend only. */
#ifndef HL_DEBUG_LINUX_H
#define HL_DEBUG_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/* What the kernel returns: a result, or -errno. */
static inline long hl_linux(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return number;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#endif
}

/* A set of the command's folder, or one that DANDELION_INPUTS or DANDELION_OUTPUTS names. */
struct hl_debug_set {
    const char *name;
    size_t length;
};

#define HL_DEBUG_SETS 256

struct hl_debug_sets {
    struct hl_debug_set set[HL_DEBUG_SETS];
    size_t count;
};

/* Ends the process with a message: what went wrong, with what, and errno's number when it is not 0. */
__attribute__((noreturn)) void hl_debug_fail(const char *what, const char *of, long error);
void hl_debug_warn(const char *what, const char *of, long error);
void hl_debug_write(int descriptor, const void *bytes, size_t length);
/* Memory from the kernel, zeroed; physical pages come as they are touched. */
void *hl_debug_map(size_t size);
/* Memory for names and tables; there is no free. */
void *hl_debug_take(size_t size);

/* The names of a folder's entries, sorted by their bytes and closed by NULL; NULL when there is no such folder. */
char **hl_debug_names(const char *folder);
enum hl_debug_kind { HL_DEBUG_NONE, HL_DEBUG_FILE, HL_DEBUG_FOLDER };
enum hl_debug_kind hl_debug_kind(long at, const char *path, uint64_t *size);
/* A + "/" + B. */
char *hl_debug_join(const char *folder, const char *name);

/* console.c */
struct hl_node;
struct hl_node *hl_debug_console(int descriptor);

/* Adds the names between the commas of `list`, and then the folders in `folder`; none twice. */
void hl_debug_find_sets(struct hl_debug_sets *sets, const char *list, const char *folder);
void hl_debug_add_set(struct hl_debug_sets *sets, const char *name, size_t length);

/* Fills the input side of the system data from input_sets/; `arguments` are the command's. */
void hl_debug_read_inputs(const struct hl_debug_sets *sets, int count, char **arguments);
/* Writes the output items to output_sets/, and standard output and error to the terminal as well. */
void hl_debug_write_outputs(void);

#endif
