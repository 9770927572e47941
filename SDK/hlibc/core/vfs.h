/* The file system in the function's memory. Portable C without system calls; functions return 0 or a count, and on
 * failure -errno of <errno.h>. Names and paths are bytes with a length, never NUL-terminated. */
#ifndef HL_VFS_H
#define HL_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HL_NAME_MAX 255
#define HL_PATH_MAX 4096
#define HL_LINKS_MAX 40 /* symbolic links followed on one path */

enum hl_kind { HL_FILE, HL_DIRECTORY, HL_SYMLINK, HL_DEVICE };
enum hl_device { HL_NULL, HL_ZERO, HL_RANDOM };

struct hl_node;

struct hl_entry {
    struct hl_node *node; /* NULL: the name was removed */
    const char *name;
    uint64_t serial; /* ascending within a directory: where reading it goes on */
    uint32_t hash;
    uint16_t length;
    bool owns_name; /* else the name lies in an input item's name */
    bool input;     /* put there for an input item */
};

/* Entries in order of creation, and from 9 on an index by hash: slots hold 1 + the entry's place, 0 when empty. */
struct hl_directory {
    struct hl_entry *entries;
    uint32_t *index;
    uint32_t used, live, capacity, mask;
    uint64_t serial;
    struct hl_node *parent;
    size_t input_set;   /* to be filled from this input set when first looked into; HL_NO_SET otherwise */
    /* While hl_collect is inside: how far it came, and the directory's name. */
    uint64_t walked;
    const struct hl_entry *walked_as;
};

#define HL_NO_SET ((size_t)-1)
#define HL_DEVICES ((size_t)-2) /* to be filled with the devices */

struct hl_node {
    uint8_t kind;
    bool pinned; /* a set's directory, the root: cannot be removed or renamed */
    bool dirty;  /* contents changed since it was put there for an input item */
    uint8_t device;
    uint32_t permissions;
    uint32_t number;
    uint32_t links;  /* entries */
    uint32_t holds;  /* open descriptions, working directory */
    uint32_t key;
    int64_t accessed, modified, changed; /* nanoseconds of CLOCK_REALTIME */
    union {
        /* capacity 0: the data is an input item's, to be copied before it is written */
        struct { char *data; size_t size, capacity; } file;
        struct hl_directory directory;
        struct { char *target; size_t length; } symlink;
    };
};

/* What a path leads to. `node` is NULL when only its directory exists, and then, and whenever the path ends in a
 * name, `name` is that name. A path that ends in "." or ".." has no name,
 * and `directory` is where that was looked up. */
struct hl_place {
    struct hl_node *directory;
    const char *name;
    size_t length;
    struct hl_node *node;
    bool slash; /* it ended in "/" */
};

extern struct hl_node *hl_root;

/* clock.c. The platform gives the time when the invocation began; from there on time is the function's own: each reading
 * of a clock takes a nanosecond and a sleep takes what it asks for, at once. So loops that wait for a time end. */
/* CLOCK_REALTIME in nanoseconds, without taking time. */
int64_t hl_now(void);
/* Nanoseconds since the beginning. */
uint64_t hl_elapsed(void);
void hl_sleep(uint64_t nanoseconds);

/* random.c: ChaCha20 (RFC 8439, section 2.3) keyed by the 256 bits that the platform gives each invocation. */
void hl_random_start(const uint64_t seed[4]);
void hl_random(void *to, size_t count);

/* node.c */
struct hl_node *hl_node_create(enum hl_kind kind, uint32_t permissions);
/* Frees a node that has neither names nor holds. */
void hl_node_release(struct hl_node *node);
uint64_t hl_node_size(const struct hl_node *node);

/* directory.c */
struct hl_entry *hl_directory_find(struct hl_node *directory, const char *name, size_t length);
/* Adds a name that is not there; `copy` false keeps the caller's bytes. */
int hl_directory_add(struct hl_node *directory, const char *name, size_t length, struct hl_node *node, bool copy);
void hl_directory_remove(struct hl_node *directory, struct hl_entry *entry);
/* The first entry with a serial above `after`; NULL at the end. */
struct hl_entry *hl_directory_next(struct hl_node *directory, uint64_t after);
void hl_directory_free(struct hl_node *directory);

/* file.c */
/* The bytes from `offset` on where they lie; `count` becomes how many there are of those asked for. */
const char *hl_file_bytes(struct hl_node *node, size_t *count, uint64_t offset);
/* Makes room for `count` bytes at `offset`, which the caller then writes to `to`. */
int hl_file_place(struct hl_node *node, size_t count, uint64_t offset, char **to);
int64_t hl_file_read(struct hl_node *node, void *to, size_t count, uint64_t offset);
int64_t hl_file_write(struct hl_node *node, const void *from, size_t count, uint64_t offset);
int hl_file_resize(struct hl_node *node, uint64_t size);
/* Makes room for `size` bytes without changing the size. */
int hl_file_reserve(struct hl_node *node, uint64_t size);

/* path.c */
/* What becomes of a symbolic link at the path's end: it is taken itself unless the path ends in "/", it is followed, or
 * it is taken as a name to make or remove, whatever follows. */
enum hl_end { HL_NOFOLLOW, HL_FOLLOW, HL_NAMING };
int hl_walk(struct hl_node *from, const char *path, size_t length, enum hl_end end, struct hl_place *place);

/* names.c: what changes directories */
/* HL_SYMLINK takes its target. */
int hl_create(struct hl_place *place, enum hl_kind kind, uint32_t permissions, struct hl_node **node);
int hl_link(struct hl_node *node, struct hl_place *to);
int hl_unlink(struct hl_place *place);
int hl_remove_directory(struct hl_place *place);
int hl_rename(struct hl_place *from, struct hl_place *to, bool replace);
int hl_symlink(const char *target, size_t length, struct hl_place *place);

/* mount.c */
/* The root, /tmp, /dev and a directory for each set; 0 or -ENOMEM. */
int hl_mount(void);
/* Fills a set's directory, when that is still to be done. */
int hl_populate(struct hl_node *directory);
/* The directory of a set, NULL when there is none. */
struct hl_node *hl_set_directory(const char *name, size_t length);

/* standard.c */
/* The file of the set stdio behind descriptor 0, 1 or 2, or the null device where there is none. Those of standard
 * output and error are outputs even when nothing was written, so this is to be called before hl_collect. */
struct hl_node *hl_standard_file(int descriptor);

/* collect.c */
/* Adds every file below output sets' directories to the outputs; 0 or -ENOMEM. */
int hl_collect(void);

#endif
