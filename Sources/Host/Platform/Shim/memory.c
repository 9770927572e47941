/* Memory whose address comes from elsewhere, and files that are memory. */
#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/mount.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static uintptr_t page_bytes(void) {
    static uintptr_t bytes;
    if (bytes == 0) bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    return bytes;
}

/* rt_sigprocmask(2) reads the new mask, unless that is null, before it looks at `how`, which is none here: EFAULT or
 * EINVAL, nothing else. */
static int page_is_readable(uintptr_t page) {
    return page != 0 && !(syscall(SYS_rt_sigprocmask, ~0L, page, NULL, 8) != 0 && errno == EFAULT);
}

int cp_is_readable(const void *start, uint64_t len) {
    uintptr_t begin = (uintptr_t)start, last = begin + len - 1;
    if (len == 0) return 1;
    if (!start || last < begin) return 0;
    int saved = errno, readable = 1;
    for (uintptr_t page = begin & ~(page_bytes() - 1); readable && page <= last; page += page_bytes()) {
        readable = page_is_readable(page);
        if (page + page_bytes() < page) break;
    }
    errno = saved;
    return readable;
}

int64_t cp_text_length(const char *start, uint64_t most) {
    for (uint64_t done = 0; done < most;) {
        uint64_t part = page_bytes() - ((uintptr_t)(start + done) & (page_bytes() - 1));
        if (part > most - done) part = most - done;
        if (!cp_is_readable(start + done, part)) return -1;
        uint64_t found = strnlen(start + done, part);
        if (found < part) return (int64_t)(done + found);
        done += part;
    }
    return (int64_t)most;
}

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

/* A tmpfs that is mounted nowhere, -1 when the process may not make one. */
static int large_pages_mount = -1;
static int has_large_pages;

/* Large pages for whole 2 MiB within a file's size. memfd_create(2) gives them only where the machine's administrator
 * allows it for all (shmem_enabled), a mount of one's own needs CAP_SYS_ADMIN. */
static int make_mount(void) {
    int filesystem = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (filesystem < 0) return -1;
    int mount = -1;
    if (syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_STRING, "huge", "within_size", 0) == 0 &&
        syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_STRING, "size", "0", 0) == 0 &&
        syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_STRING, "nr_inodes", "0", 0) == 0 &&
        syscall(SYS_fsconfig, filesystem, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = (int)syscall(SYS_fsmount, filesystem, FSMOUNT_CLOEXEC, 0);
    close(filesystem);
    return mount;
}

static int open_file(void) {
    if (large_pages_mount >= 0) return openat(large_pages_mount, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0700);
    int file = memfd_create("dandelion", MFD_CLOEXEC | MFD_EXEC);
    /* Before Linux 6.3 every memory file may be executed and the flag is unknown. */
    if (file < 0 && errno == EINVAL) file = memfd_create("dandelion", MFD_CLOEXEC);
    return file;
}

static void prepare_files(void) {
    large_pages_mount = make_mount();
    int file = open_file();
    if (file < 0 && large_pages_mount >= 0 && errno == EOPNOTSUPP) {
        close(large_pages_mount);
        large_pages_mount = -1;
        file = open_file();
    }
    struct stat status;
    has_large_pages = file >= 0 && ftruncate(file, 2 << 20) == 0 && fstat(file, &status) == 0 &&
                      status.st_blksize >= 2 << 20;
    if (file >= 0) close(file);
}

static void prepare_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_files);
}

int cp_shared_file(uint64_t bytes) {
    prepare_once();
    int file = open_file();
    if (file < 0) return -errno;
    if (ftruncate(file, (off_t)bytes) == 0) return file;
    int error = errno;
    close(file);
    return -error;
}

int cp_has_large_pages(void) {
    prepare_once();
    return has_large_pages;
}

/* kcmp(2) gives 0 for the same. */
int cp_share_memory(int32_t process, int32_t other) { return syscall(SYS_kcmp, process, other, KCMP_VM, 0, 0) == 0; }
