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

int ckvm_memory_file(uint64_t size) {
    int file = memfd_create("dandelion-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return -errno;
    if (ftruncate(file, (off_t)size) == 0) return file;
    int error = errno;
    close(file);
    return -error;
}

int ckvm_seal(int file) {
    int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    return fcntl(file, F_ADD_SEALS, seals) == 0 ? 0 : errno;
}

#if !defined(__x86_64__)
int ckvm_architecture_supported(void) { return 0; }
#endif
