/* What judging a plugin needs of the system: a child process and what it leaves behind when it dies, memory that is watched
 * by its rights, and the state of the processor that a call must leave alone. */
#ifndef CCONFORMANCE_H
#define CCONFORMANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

#define CK_TEXT 65536

/* Shared with the parent: what a child says, which stays when it crashes or leaves by itself. Texts end with NUL. */
struct ck_sheet {
    int32_t verdict;    /* the judge's own number; 0 until there is one */
    char call[96];      /* the call of the plugin that is under way, empty = none */
    char access[200];   /* what a wild access did to watched memory, empty = nothing is known of it */
    char damage[200];   /* the first damage of a watched heap */
    char text[CK_TEXT];  /* why */
    char notes[CK_TEXT]; /* what else there is to show */
};

/* Swift imports no arrays of that size. */
char *ck_sheet_text(struct ck_sheet *sheet);
char *ck_sheet_notes(struct ck_sheet *sheet);

/* A sheet that a later child shares; null when there is no memory. */
struct ck_sheet *_Nullable ck_sheet_make(void);
void ck_sheet_free(struct ck_sheet *sheet);

/* fork(2) in a process of one thread. The child leads a process group of its own and dies with its parent; its standard
 * input is /dev/null, and its standard output is its standard error, or /dev/null with quiet. */
pid_t ck_fork(bool quiet);

/* Makes the sheet this process's: crashes are described in it before they end the process as they would without. */
void ck_attend(struct ck_sheet *sheet);
/* The plugin is called on this thread; name is static. Returns what was under way before. */
const char *_Nullable ck_enter(const char *name);
void ck_leave(const char *_Nullable before);

/* A copy of the bytes of a request's input that can only be read, ends at a page without rights, and begins behind one;
 * null: no memory. */
const void *_Nullable ck_lend(const void *_Nullable bytes, uint64_t len);
/* Takes the rights away. */
void ck_end_loan(const void *lent);

/* Has what the shared objects that were loaded since `ck_note_objects` allocate end at a page without rights while the
 * heap is armed. C, C++ and Rust are seen, memory of Swift objects is not. Returns 0 or errno. */
void ck_note_objects(void);
int ck_watch_heap(void);
void ck_arm_heap(bool armed);
/* Judges the blocks that are still there; the sheet then has the first damage. */
void ck_check_heap(void);
/* Whether the bytes lie in one living block, or in none that is known. */
bool ck_is_in_block(const void *_Nullable start, uint64_t len);

/* Rounding, precision and traps of floating point, without the flags of what happened. */
uint64_t ck_float_control(void);
/* How often the calling thread has gone to sleep by itself. */
long ck_sleeps(void);
/* What the kernel keeps for the process, or for the calling thread, beside what proc(5) shows. */
typedef struct ck_fact {
    const char *name;
    long value;
} ck_fact;
enum { CK_FACTS = 16 };
/* The number of facts written. */
int ck_process_facts(ck_fact *facts);
int ck_thread_facts(ck_fact *facts);

/* Has processes whose parents ended become this process's children. */
void ck_adopt(void);
/* Whether this process has children, ended ones that nobody reaped too, or only living ones; those that ended are reaped
 * with living. */
bool ck_has_children(bool living);
/* Calls exit(3) in a child: the status that waitpid(2) gives, or -1 when the child did not end within the time and was
 * killed. */
int ck_try_exit(int milliseconds);

#pragma clang assume_nonnull end

#endif
