/* Memory whose address comes from elsewhere, and files that are memory. */
#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
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
