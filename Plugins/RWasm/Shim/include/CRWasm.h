/* What Swift cannot express of running generated code: its data structures, entering and leaving it by signals, and the
 * compiler's child process. */
#ifndef CRWASM_H
#define CRWASM_H

#include <dk_stop.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* ---- What generated code sees; Crate/lib.rs declares the same ---- */

struct rwasm_memory {
    uint8_t *_Nullable base;
    uint64_t bytes; /* accessible, a multiple of 64 KiB */
    int32_t (*_Nullable grow)(struct rwasm_memory *memory, uint32_t pages);
    /* The host's own. */
    uint64_t maximum;          /* bytes */
    uint64_t *_Nullable room;  /* bytes that the function may yet take; tables take from the same */
};

struct rwasm_table {
    uint64_t *_Nullable elements;
    uint32_t size;
    uint32_t capacity; /* elements that there are addresses for */
    int32_t (*_Nullable grow)(struct rwasm_table *table, uint32_t count);
    /* The host's own. */
    uint64_t *_Nullable room;
};

struct rwasm_value {
    uint64_t low;
    uint64_t high;
};

struct rwasm_segment {
    const void *_Nullable start;
    uint64_t length; /* bytes, or elements */
};

struct rwasm_env {
    struct rwasm_memory *_Nullable memory;
    struct rwasm_table *_Nullable *_Nullable tables;
    struct rwasm_value *_Nullable *_Nullable globals;
    struct rwasm_segment *_Nullable data;
    struct rwasm_segment *_Nullable elements;
    uint32_t table_count;
    uint32_t global_count;
    uint32_t data_count;
    uint32_t element_count;
    uint64_t tag;
    void *_Nullable host;
    uint32_t (*_Nullable call)(
        void *_Nullable host, uint64_t reference, uint32_t kind, struct rwasm_value *arguments, size_t count);
};

struct rwasm_descriptor {
    size_t size;
    size_t align;
    void (*_Nullable make)(void *place, const struct rwasm_env *env);
    void (*_Nullable call)(void *instance, uint32_t function, struct rwasm_value *values, size_t count);
    /* Of code made for tools: a function with its own C signature; the instance is its first parameter. */
    const void *_Nullable (*_Nullable entry)(uint32_t function);
};

/* Makes more pages of a reserved memory accessible. The slot `grow`. */
int32_t rwasm_grow(struct rwasm_memory *memory, uint32_t pages);
/* Makes a table larger, whose elements read as null beyond its size. The slot `grow`: the old size, or -1. */
int32_t rwasm_grow_table(struct rwasm_table *table, uint32_t count);

/* ---- Making an instance ---- */

/* What an active segment copies: bytes to memory, references to a table. */
struct rwasm_fill {
    const void *_Nullable from;
    uint64_t count;  /* bytes, or elements */
    uint64_t offset; /* of a memory's byte, or a table's element */
    uint32_t table;
};
struct rwasm_setup {
    const struct rwasm_descriptor *code;
    void *instance;
    struct rwasm_env *env;
    uint64_t bytes; /* of memory that segments may be copied to */
    const struct rwasm_fill *_Nullable tables;
    size_t table_count;
    const struct rwasm_fill *_Nullable memories;
    size_t memory_count;
};

/* ---- Running ---- */

/* How a call of generated code ended. */
#define RWASM_RETURNED 0
#define RWASM_TRAPPED 1 /* code, function */
#define RWASM_STACK 2   /* address, pc */
#define RWASM_BOUNDS 3  /* address, pc: outside linear memory */
#define RWASM_STOPPED 4 /* code is DN_INTERRUPT_* */
#define RWASM_NO_FUNCTION UINT32_MAX

struct rwasm_end {
    int32_t kind;
    uint32_t code;
    uint32_t function; /* RWASM_NO_FUNCTION when only pc tells it */
    uint64_t address;
    uint64_t pc;
};

/* Runs generated code on a stack of its own, on one thread. */
struct rwasm_runner;
/* Made on the thread that uses it. signo is the signal for its timer, 0 = it never stops a run. Null: no memory or timer. */
struct rwasm_runner *_Nullable rwasm_runner_create(int signo, uint64_t stack_bytes);
void rwasm_runner_destroy(struct rwasm_runner *runner);
/* Faults at [base, base + bytes) are accesses outside linear memory. */
void rwasm_runner_watch(struct rwasm_runner *runner, const void *base, uint64_t bytes);
/* What stops its runs. */
struct dk_stop *rwasm_runner_stop(struct rwasm_runner *runner);
/* As dk_stop_begin; a run that must not start ends at its first call. */
void rwasm_runner_begin(struct rwasm_runner *runner, uint64_t run_id, uint64_t deadline, uint64_t now);
void rwasm_runner_end(struct rwasm_runner *runner);
/* Calls a function; results replace arguments. Between begin and end. */
struct rwasm_end rwasm_runner_call(
    struct rwasm_runner *runner, const struct rwasm_descriptor *code, void *instance, uint32_t function,
    struct rwasm_value *values, size_t count);
/* A function of generated code with its own C signature. Types are those of the binary format: references are passed as
 * uint64_t, vectors as struct rwasm_value, several results as a struct of them. */
struct rwasm_entry {
    const void *function;
    void *instance;
    const uint8_t *_Nullable parameters;
    size_t parameter_count;
    const uint8_t *_Nullable results;
    size_t result_count;
};
/* Calls one as rwasm_runner_call does; `values` has room for parameters and results. Programs bring it. */
typedef struct rwasm_end (*rwasm_entry_call)(
    struct rwasm_runner *runner, const struct rwasm_entry *entry, struct rwasm_value *values);
/* Copies active segments, tables first, and makes the instance; can be stopped like a call. A segment that does not fit is
 * a trap. Between begin and end. */
struct rwasm_end rwasm_runner_set_up(struct rwasm_runner *runner, const struct rwasm_setup *setup);
/* A dn_signal_handler; arg is the runner. */
int32_t rwasm_runner_signal(void *_Nullable arg, int32_t signo, void *info, void *context);

/* ---- Several instances that import from each other ---- */

/* One of them, as the others call it. */
struct rwasm_linked {
    struct rwasm_store *_Nullable store;
    const struct rwasm_descriptor *_Nullable code;
    void *_Nullable instance;
    const uint32_t *_Nullable functions; /* by ordinal */
    const uint32_t *_Nullable kinds;     /* the store's number of the type, by ordinal */
    uint32_t count;
    const uint64_t *_Nullable imports; /* references, by imported function */
    const uint32_t *_Nullable types;   /* the store's number, by type of the module */
};
#define RWASM_STORE_MAX 4096
#define RWASM_HOST_INSTANCE 0xffffffffu /* the instance of functions that do nothing */
struct rwasm_store {
    struct rwasm_linked *_Nullable linked[RWASM_STORE_MAX];
};
/* The slot `call` of an env whose host is a struct rwasm_linked. */
uint32_t rwasm_link_call(
    void *_Nullable host, uint64_t reference, uint32_t kind, struct rwasm_value *arguments, size_t count);
/* Gives a program without a host the signal handlers and the alternate stack that the runner needs. Returns 0 or errno. */
int rwasm_install_handlers(struct rwasm_runner *runner);

/* ---- A module whose imports another one serves, in a memory of its own ---- */

struct rwasm_served {
    const struct rwasm_descriptor *_Nullable code; /* the server's, and its instance */
    void *_Nullable instance;
    const struct rwasm_memory *_Nullable memory; /* the server's */
    struct rwasm_memory *_Nullable guest;        /* the other's */
    const uint32_t *_Nullable functions;         /* the server's functions, by the guest's imports */
    uint32_t count;
    const uint32_t *_Nullable reach; /* RWASM_REACH_*, by the server's imports */
    uint32_t reach_count;
    volatile uint32_t inside; /* the server runs */
};
/* What a server asks of its surroundings; each gives 0 or an error number. */
#define RWASM_REACH_LOAD 0  /* (to: server's address, from: guest's, count) */
#define RWASM_REACH_STORE 1 /* (to: guest's address, from: server's, count) */
#define RWASM_REACH_CLAIM 2 /* (count): takes bytes that the guest's memory could have grown by */
/* The slots `call` of the envs of a guest and of its server; the host of both is a struct rwasm_served. */
uint32_t rwasm_serve(
    void *_Nullable host, uint64_t reference, uint32_t kind, struct rwasm_value *arguments, size_t count);
uint32_t rwasm_reach(
    void *_Nullable host, uint64_t reference, uint32_t kind, struct rwasm_value *arguments, size_t count);

/* ---- Memory ---- */

/* Fills `bytes` with random ones; 0 or errno. */
int rwasm_random(void *bytes, size_t count);
/* A file in memory whose contents can be executed; -1 and errno. */
int rwasm_memory_file(const char *name);

/* The level of x86-64 (psABI) that this processor has, 1 to 3; 0 on another architecture. */
int rwasm_processor_level(void);

/* ---- The compiler's process ---- */

struct rwasm_command {
    const char *_Nullable const *_Nonnull arguments; /* the first is the program's path; null-ended */
    const char *_Nullable const *_Nonnull environment;
    const char *_Nonnull directory;                 /* absolute: where it runs, the only place where it may write */
    const char *_Nullable const *_Nonnull readable; /* absolute: what it may read and execute; null-ended */
    uint64_t memory;                                /* resident bytes, with what it starts */
    uint32_t seconds;                               /* of processor time; of wall time twice as many */
    uint32_t user;                                  /* that it becomes, and its group; 0 = it stays what we are */
    int32_t is_confined; /* without capabilities, under a filter of system calls and Landlock */
    /* Confined: in namespaces of its own, where it sees nothing but its folders. As another user this needs CAP_SYS_ADMIN, else
     * namespaces of users that anybody may make. */
    int32_t is_apart;
    int32_t is_patient;  /* runs when no other process wants the processor; of wall time it has twenty times as much */
    int32_t (*_Nullable is_wanted)(void *_Nullable arg); /* asked several times a second; 0 ends it */
    /* Told several times a second how much memory it takes; 0 ends it. What several of them have in common counts by halves,
     * thirds and so on. */
    int32_t (*_Nullable may_hold)(void *_Nullable arg, uint64_t bytes);
    void *_Nullable arg;
};
#define RWASM_COMMAND_FAILED -1   /* could not be started: errno */
#define RWASM_COMMAND_TIME -2     /* its time was over */
#define RWASM_COMMAND_MEMORY -3   /* it wanted more memory */
#define RWASM_COMMAND_UNWANTED -4 /* is_wanted said so */
#define RWASM_COMMAND_BUSY -5     /* may_hold said so */
/* Runs a program to its end, or to that of the node. `output` gets the end of what it wrote to its standard streams,
 * NUL-terminated. Returns its status as of waitpid(2), or RWASM_COMMAND_*. */
int rwasm_command_run(const struct rwasm_command *command, char *output, size_t size);

#pragma clang assume_nonnull end

#endif
