/* Puts the watched heap under shared objects that are loaded already, by the slots through which they call malloc(3). */
#define _GNU_SOURCE
#include "heap.h"
#include "internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST = 1024 };
static uintptr_t known[MOST];
static unsigned known_count;

#if defined(__x86_64__)
enum { SLOT = R_X86_64_JUMP_SLOT, DATA = R_X86_64_GLOB_DAT, ABSOLUTE = R_X86_64_64 };
#else
enum { SLOT = R_AARCH64_JUMP_SLOT, DATA = R_AARCH64_GLOB_DAT, ABSOLUTE = R_AARCH64_ABS64 };
#endif

static const struct replacement {
    const char *name;
    void *with;
    bool everywhere; /* whoever is handed a block must be able to free it */
} replacements[] = {
    {"free", (void *)ck_free, true},
    {"realloc", (void *)ck_realloc, true},
    {"reallocarray", (void *)ck_reallocarray, true},
    {"malloc_usable_size", (void *)ck_usable_size, true},
    {"malloc", (void *)ck_malloc, false},
    {"calloc", (void *)ck_calloc, false},
    {"memalign", (void *)ck_memalign, false},
    {"aligned_alloc", (void *)ck_memalign, false},
    {"posix_memalign", (void *)ck_posix_memalign, false},
    {"_Znwm", (void *)ck_malloc, false},
    {"_Znam", (void *)ck_malloc, false},
    {"swift_slowAlloc", (void *)ck_slow_alloc, false},
};

static struct link_map *first_object(void) {
    void *self = dlopen(NULL, RTLD_NOW);
    struct link_map *map = NULL;
    return self && dlinfo(self, RTLD_DI_LINKMAP, &map) == 0 ? map : NULL;
}

static bool is_known(const struct link_map *object) {
    for (unsigned i = 0; i < known_count; i++)
        if (known[i] == (uintptr_t)object->l_ld) return true;
    return false;
}

void ck_note_objects(void) {
    known_count = 0;
    for (struct link_map *object = first_object(); object && known_count < MOST; object = object->l_next)
        known[known_count++] = (uintptr_t)object->l_ld;
}

static void put(uintptr_t slot, void *value) {
    uintptr_t page = slot & ~(ck_page() - 1);
    /* Also where the linker took the right to write away again. */
    if (mprotect((void *)page, ck_page(), PROT_READ | PROT_WRITE) == 0) *(void **)slot = value;
}

static void patch(const struct link_map *object, const Elf64_Rela *entries, size_t bytes, const Elf64_Sym *symbols, const char *names, bool is_new) {
    for (size_t i = 0; i < bytes / sizeof *entries; i++) {
        unsigned type = ELF64_R_TYPE(entries[i].r_info);
        if (type != SLOT && type != DATA && type != ABSOLUTE) continue;
        const char *name = names + symbols[ELF64_R_SYM(entries[i].r_info)].st_name;
        for (unsigned j = 0; j < sizeof replacements / sizeof *replacements; j++) {
            if (!is_new && !replacements[j].everywhere) continue;
            if (strcmp(name, replacements[j].name) == 0) put(object->l_addr + entries[i].r_offset, replacements[j].with);
        }
    }
}

static void patch_object(const struct link_map *object, bool is_new) {
    const Elf64_Rela *lazy = NULL, *other = NULL;
    const Elf64_Sym *symbols = NULL;
    const char *names = NULL;
    size_t lazy_bytes = 0, other_bytes = 0;
    for (const Elf64_Dyn *entry = object->l_ld; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_JMPREL: lazy = (const void *)entry->d_un.d_ptr; break;
        case DT_PLTRELSZ: lazy_bytes = entry->d_un.d_val; break;
        case DT_RELA: other = (const void *)entry->d_un.d_ptr; break;
        case DT_RELASZ: other_bytes = entry->d_un.d_val; break;
        case DT_SYMTAB: symbols = (const void *)entry->d_un.d_ptr; break;
        case DT_STRTAB: names = (const void *)entry->d_un.d_ptr; break;
        default: break;
        }
    }
    /* The vDSO's addresses are not relocated; it calls nobody. */
    if (!symbols || !names || (uintptr_t)symbols < object->l_addr) return;
    if (lazy) patch(object, lazy, lazy_bytes, symbols, names, is_new);
    if (other) patch(object, other, other_bytes, symbols, names, is_new);
}

int ck_watch_heap(void) {
    int r = ck_heap_prepare();
    if (r != 0) return r;
    for (struct link_map *object = first_object(); object; object = object->l_next) {
        /* The linker itself was there before malloc(3), and has one of its own. */
        if (strstr(object->l_name, "ld-linux")) continue;
        patch_object(object, !is_known(object));
    }
    return 0;
}
