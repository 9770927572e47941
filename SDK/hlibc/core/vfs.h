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

enum hl_kind { HL_FILE, HL_DIRECTORY, HL_SYMLINK, HL_DEVICE, HL_STREAM };
/* HL_TAIL keeps the end of what is written to it, for who looks when the function has died. Opening HL_DESCRIPTOR gives
 * the description behind the descriptor that the node's key is. */
enum hl_device { HL_NULL, HL_ZERO, HL_RANDOM, HL_FULL, HL_TERMINAL, HL_TAIL, HL_DESCRIPTOR };

struct hl_node;

enum { HL_CAN_READ = 1, HL_CAN_WRITE = 2, HL_HUNG_UP = 4, HL_BROKEN = 8, HL_HALF_CLOSED = 16 };

/* What a node does that is no file: pipes, sockets and the like. `access` is O_RDONLY, O_WRONLY or O_RDWR. */
struct hl_operations {
    uint32_t format; /* S_IFIFO and the like, for its status */
    /* Bytes that were moved, -EAGAIN when that would have to wait, or another error. */
    int64_t (*read)(struct hl_node *node, void *to, size_t count);
    int64_t (*write)(struct hl_node *node, const void *from, size_t count);
    unsigned (*events)(const struct hl_node *node, unsigned access); /* HL_CAN_READ and the like */
    void (*opened)(struct hl_node *node, unsigned access);
    void (*closed)(struct hl_node *node, unsigned access);
    void (*release)(struct hl_node *node); /* frees its state */
    long (*control)(struct hl_node *node, long request, long argument); /* ioctl(2); NULL: there is none */
};

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
#define HL_DEVICES ((size_t)-2)  /* to be filled with the devices */
#define HL_USERS ((size_t)-3)    /* with /etc/passwd and the like */
#define HL_PROCESS ((size_t)-4)  /* with what hl_fill_process has for /proc */
#define HL_OPEN ((size_t)-5)     /* with the open descriptors, each time anew */

struct hl_node {
    uint8_t kind;
    bool pinned; /* a set's directory, the root: cannot be removed or renamed */
    bool dirty;  /* contents changed since it was put there for an input item */
    uint8_t device;
    uint8_t standard; /* 1 or 2: where that descriptor writes to */
    uint8_t made;    /* which file of /proc it is, whose contents are made when it is opened; 0: none */
    uint32_t mapped; /* shared mappings: the contents stay where they lie */
    uint32_t permissions;
    uint32_t number;
    uint32_t links;  /* entries */
    uint32_t holds;  /* open descriptions, working directory */
    uint32_t key;    /* of a device HL_DESCRIPTOR: its descriptor */
    int64_t accessed, modified, changed; /* nanoseconds of CLOCK_REALTIME */
    union {
        /* capacity 0: the data is an input item's, to be copied before it is written. HL_TAIL has its contents here too. */
        struct { char *data; size_t size, capacity; } file;
        struct hl_directory directory;
        struct { char *target; size_t length; } symlink;
        struct { const struct hl_operations *operations; void *state; uint32_t changes; } stream;
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
 * of a clock takes a nanosecond, or more when nothing but reading happens for long, and a sleep takes what it asks for, at
 * once. So loops that wait for a time end, and the same inputs give the same outputs. */
/* CLOCK_REALTIME in nanoseconds, without taking time. */
int64_t hl_now(void);
/* Nanoseconds since the beginning. */
uint64_t hl_elapsed(void);
/* The same without the processor's time. */
uint64_t hl_counted(void);
void hl_sleep(uint64_t nanoseconds);
/* What a reading takes. */
void hl_clock_read(void);
/* From here on the time that the processor was used passes as well. */
void hl_clock_follow_processor(void);
/* Nanoseconds that the function has used the processor for; given by the surroundings. */
uint64_t hl_processor_time(void);

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
/* Removes every name, and counts serials from the beginning. */
void hl_directory_clear(struct hl_node *directory);
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
/* The same, but -EPERM where the path, or a symbolic link on its way, is absolute or leads above `from`. */
int hl_walk_within(struct hl_node *from, const char *path, size_t length, enum hl_end end, struct hl_place *place);

/* names.c: what changes directories */
/* HL_SYMLINK takes its target. */
int hl_create(struct hl_place *place, enum hl_kind kind, uint32_t permissions, struct hl_node **node);
/* The directory at a path from the root; it and those above it are made when they are missing. */
int hl_make_directories(const char *path, size_t length, struct hl_node **directory);
int hl_link(struct hl_node *node, struct hl_place *to);
int hl_unlink(struct hl_place *place);
int hl_remove_directory(struct hl_place *place);
int hl_rename(struct hl_place *from, struct hl_place *to, bool replace);
int hl_symlink(const char *target, size_t length, struct hl_place *place);

/* device.c */
int64_t hl_device_read(struct hl_node *node, void *to, size_t count);
int64_t hl_device_write(struct hl_node *node, const void *from, size_t count);

/* tail.c: what was written to a device HL_TAIL last, at least HL_TAIL_SIZE bytes of it where there are as many. */
#define HL_TAIL_SIZE ((size_t)65536)
int64_t hl_tail_write(struct hl_node *node, const void *from, size_t count);

/* mount.c */
/* The root, /tmp, /dev and a directory for each set; 0 or -ENOMEM. */
int hl_mount(void);
/* Takes the items of another invocation into the directories of the same sets, but for those that had items before. */
void hl_mount_again(void);
/* Fills a set's directory, when that is still to be done. */
int hl_populate(struct hl_node *directory);
/* system.c: the directories that no set gave, /dev, /etc and /proc, and what is in them. */
int hl_mount_system(void);
int hl_populate_system(struct hl_node *directory);
int hl_add_file(struct hl_node *directory, const char *name, const char *text, size_t length);
/* Given by the surroundings: fills /proc, where there is one; and the descriptor at or after `from` that is open, -1 when
 * there is none. */
__attribute__((weak)) int hl_fill_process(struct hl_node *directory);
long hl_next_open(long from);
/* The directory of a set, NULL when there is none. */
struct hl_node *hl_set_directory(const char *name, size_t length);

/* standard.c */
/* The file of the set stdio behind descriptor 0, 1 or 2. Where there is none, standard input is the null device, and of
 * output and error the tail is kept. Those files are outputs even when nothing was written, so this is to be called
 * before hl_collect. */
struct hl_node *hl_standard_file(int descriptor);
/* Gives the terminal that takes the place of a standard stream, or NULL; set by the debug backend. */
extern struct hl_node *(*hl_console)(int descriptor);
/* collect.c */
/* Adds every file below output sets' directories to the outputs; 0 or -ENOMEM. */
int hl_collect(void);

#endif
