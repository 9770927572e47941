/* Giving up what the kernel lets this process do. Capabilities are a thread's, so the first thread gives them up before there
 * is a second one. */
#include "CPlatform.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>

static struct __user_cap_header_struct head(void) {
    return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

/* What it may use, and of that what it has: bits 0 to 31 and 32 to 63. */
static int look(struct __user_cap_data_struct data[2]) {
    struct __user_cap_header_struct own = head();
    return syscall(SYS_capget, &own, data) == 0 ? 0 : errno;
}

int cp_bound_capabilities(uint64_t kept) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno;
    for (int capability = 0; capability < 64; capability++) {
        if (kept >> capability & 1) continue;
        /* Without the right to do so the list stays; without new privileges it means nothing. */
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return errno == EINVAL || errno == EPERM ? 0 : errno;
    }
    return 0;
}

int cp_keep_capabilities(uint64_t kept) {
    struct __user_cap_header_struct own = head();
    struct __user_cap_data_struct now[2] = {{0}}, then[2] = {{0}};
    int error = look(now), differs = 0;
    if (error != 0) return error;
    for (int half = 0; half < 2; half++) {
        then[half].permitted = then[half].effective = now[half].permitted & (uint32_t)(kept >> 32 * half);
        differs |= memcmp(&now[half], &then[half], sizeof then[half]) != 0;
    }
    /* Where there is nothing to give up, the call may be forbidden. */
    return !differs || syscall(SYS_capset, &own, then) == 0 ? 0 : errno;
}

int cp_refuse_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno; }

int cp_show_self(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 0 : errno; }
