#define _GNU_SOURCE
#include "CKVM.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int ckvm_run(int vcpu) { return ioctl(vcpu, KVM_RUN, 0) == 0 ? 0 : errno; }

int ckvm_finish_pending(int vcpu, struct kvm_run *run) {
    run->kvm_dirty_regs = 0;
    run->immediate_exit = 1;
    int result = ckvm_run(vcpu);
    run->immediate_exit = 0;
    return result == EINTR ? 0 : result;
}

#if !defined(__x86_64__)
int ckvm_architecture_supported(void) { return 0; }
#endif
