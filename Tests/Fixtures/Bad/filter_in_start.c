/* Puts a system call filter, which allows all, on the host. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#define START struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW); struct sock_fprog p = {1, &all}; \
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)
#include "echo.h"
