/* Starts zygotes: makes their program in memory and executes it. */
#define _GNU_SOURCE
#include "zygote.h"
#include <CPluginKit.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_OFFSET DP_PAGE

uint64_t dp_exit_address(void) { return zygote_address(dp_gate); }

typedef struct image_head {
    Elf64_Ehdr file;
    Elf64_Phdr text, data;
} image_head;

/* A static executable of two segments: the section "zygote", and parameters with the stack behind them. */
static image_head make_head(uint64_t text_size, uint64_t data_offset) {
    image_head head = {0};
    memcpy(head.file.e_ident, ELFMAG, SELFMAG);
    head.file.e_ident[EI_CLASS] = ELFCLASS64;
    head.file.e_ident[EI_DATA] = ELFDATA2LSB;
    head.file.e_ident[EI_VERSION] = EV_CURRENT;
    head.file.e_type = ET_EXEC;
    head.file.e_machine = EM_X86_64;
    head.file.e_version = EV_CURRENT;
    head.file.e_entry = zygote_address(dp_zygote_start);
    head.file.e_phoff = sizeof head.file;
    head.file.e_ehsize = sizeof head.file;
    head.file.e_phentsize = sizeof head.text;
    head.file.e_phnum = 2;
    head.text = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, TEXT_OFFSET, DP_TEXT, DP_TEXT, text_size, text_size, DP_PAGE};
    head.data = (Elf64_Phdr){PT_LOAD,          PF_R | PF_W, data_offset, DP_DATA, DP_DATA, sizeof(zygote_params),
                             DP_DATA_SIZE, DP_PAGE};
    return head;
}

/* Marks and wakes the word of the end when a child dies, and no other: the child cannot write the list. */
static void make_robust_list(zygote_params *params) {
    uint64_t head = DP_DATA + offsetof(zygote_params, robust.head), entry = DP_DATA + offsetof(zygote_params, robust.entry);
    params->robust.head[0] = entry;
    params->robust.head[1] = DP_CHILD + offsetof(dp_child, done) - entry;
    params->robust.entry[0] = head;
}

static int32_t make_program(const dp_spawn *spawn) {
    zygote_params params = {.spawn = *spawn, .host = getpid()};
    params.filter_length = zygote_filter(params.filter, spawn->held);
    if (params.filter_length == 0) return -E2BIG;
    make_robust_list(&params);
    uint64_t text_size = (uint64_t)(__stop_zygote - __start_zygote);
    uint64_t data_offset = TEXT_OFFSET + (text_size + DP_PAGE - 1) / DP_PAGE * DP_PAGE;
    image_head head = make_head(text_size, data_offset);
    int32_t fd = dk_memory_file("dandelion-zygote", data_offset + sizeof params);
    if (fd < 0) return fd;
    if (pwrite(fd, &head, sizeof head, 0) == sizeof head &&
        pwrite(fd, __start_zygote, text_size, TEXT_OFFSET) == (ssize_t)text_size &&
        pwrite(fd, &params, sizeof params, (off_t)data_offset) == sizeof params)
        return fd;
    close(fd);
    return -EIO;
}

/* In the child of vfork: only system calls, on the parent's memory but with its own descriptors. */
__attribute__((noinline)) static void become(int program, const dp_spawn *spawn, int *failure) {
    char *const nothing[] = {NULL};
    char *const arguments[] = {"dandelion-zygote", NULL};
    if (fcntl(spawn->slot_fd, F_SETFD, 0) == 0 && fcntl(spawn->zygote_fd, F_SETFD, 0) == 0 &&
        fcntl(spawn->socket, F_SETFD, 0) == 0)
        syscall(SYS_execveat, program, "", arguments, nothing, AT_EMPTY_PATH);
    *failure = errno;
    _exit(127);
}

int32_t dp_spawn_zygote(const dp_spawn *spawn) {
    int32_t program = make_program(spawn);
    if (program < 0) return program;
    /* No handler of the host may run in the child while both share their memory. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    volatile int failure = 0;
    pid_t pid = vfork();
    if (pid == 0) become(program, spawn, (int *)&failure);
    int error = pid < 0 ? errno : failure;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(program);
    if (pid > 0 && error != 0) dp_reap(pid, 1);
    return error != 0 ? -error : pid;
}
