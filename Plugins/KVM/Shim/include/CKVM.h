/* What Swift cannot express of a KVM virtual machine: ioctl numbers, union members, guest code, the signal handler. */
#ifndef CKVM_H
#define CKVM_H

#include "CKVM_layout.h"
#include <dk_slot.h>
#include <dk_stop.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <sys/ioctl.h>

#pragma clang assume_nonnull begin

/* 1 when this is a processor that the plugin has guest code for. */
int ckvm_architecture_supported(void);

/* ---- ioctl(2) numbers, which Linux spells with casts ---- */

static const unsigned long ckvm_get_api_version = KVM_GET_API_VERSION;
static const unsigned long ckvm_check_extension = KVM_CHECK_EXTENSION;
static const unsigned long ckvm_create_vm = KVM_CREATE_VM;
static const unsigned long ckvm_create_vcpu = KVM_CREATE_VCPU;
static const unsigned long ckvm_get_vcpu_mmap_size = KVM_GET_VCPU_MMAP_SIZE;
static const unsigned long ckvm_set_user_memory_region = KVM_SET_USER_MEMORY_REGION;

/* ---- one run ---- */

/* KVM_RUN. Returns 0 or errno. */
int ckvm_run(int vcpu);
/* Finishes an instruction that the last exit left half done, without running the guest. Returns 0 or errno. */
int ckvm_finish_pending(int vcpu, struct kvm_run *run);

/* ---- stopping a run ---- */

/* What stops an engine's runs (dk_stop.h), of the vCPU that is at work. */
struct ckvm_stopper {
    struct dk_stop stop;
    struct kvm_run *_Nullable volatile run;
};

/* Made on the engine's thread. signo is the signal that interrupts it. Null when the system has no timer left. */
struct ckvm_stopper *_Nullable ckvm_stopper_create(int signo);
void ckvm_stopper_destroy(struct ckvm_stopper *stopper);
/* To be asked before each KVM_RUN of a run that has begun: why it must stop (DN_INTERRUPT_*), or DK_GO_ON. From then on a
 * signal that is for this run makes KVM_RUN return. */
int32_t ckvm_stopper_poll(struct ckvm_stopper *stopper);
/* A dn_signal_handler; arg is the stopper. */
int32_t ckvm_stopper_signal(void *_Nullable arg, int32_t signo, void *info, void *context);

/* ---- giving memory back ---- */

struct ckvm_trimmer;
/* For so many slots. Made on the engine's thread, like everything here. Null when the system has no timer left. */
struct ckvm_trimmer *_Nullable ckvm_trimmer_create(int signo, int slots);
void ckvm_trimmer_destroy(struct ckvm_trimmer *trimmer);
/* The next slot: its state (dk_slot.h), and the part of its memory that is never given back. */
void ckvm_trimmer_add(
    struct ckvm_trimmer *trimmer, void *state, void *memory, uint64_t keep_from, uint64_t keep_to);
/* The slot has been used, up to so many bytes of its memory. */
void ckvm_trimmer_touch(struct ckvm_trimmer *trimmer, int index, uint64_t used);
/* A dn_signal_handler; arg is the trimmer. */
int32_t ckvm_trimmer_signal(void *_Nullable arg, int32_t signo, void *info, void *context);

#if defined(__x86_64__)

static const unsigned long ckvm_get_sregs = KVM_GET_SREGS;
static const unsigned long ckvm_sync_all = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
static const unsigned long ckvm_sync_state = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;

/* Says where VT-x without "unrestricted guest" may keep helpers of its own: physical addresses below 4 GiB that hold no
 * memory. Other processors ignore it or do not know it, so nothing is reported. */
void ckvm_prepare_vm(int vm);
/* Gives the vCPU the CPUID leaves that KVM supports; force_fsgsbase adds that bit. Returns 0 or errno. */
int ckvm_set_cpuid(int kvm, int vcpu, int force_fsgsbase);
/* Sets MSRs. Returns 0 or errno. */
int ckvm_set_msrs(int vcpu, const uint32_t *index, const uint64_t *value, int count);
int ckvm_set_xcr0(int vcpu, uint64_t value);

/* What the machine offers. */
struct ckvm_features {
    uint64_t xcr0;        /* x87, SSE, AVX, AVX-512 as far as KVM offers them to guests; 0: it offers no XSAVE */
    uint32_t xsave_bytes; /* of an image with all components of the CPU */
    int32_t xsave;        /* the CPU has XSAVE, and this system uses it */
    int32_t fsgsbase;     /* the CPU has rdfsbase and the like */
    int32_t kvm_fsgsbase; /* KVM says so to guests */
    int32_t nx;
    int32_t tcg; /* the CPU is emulated by QEMU's TCG */
};
/* Reads the features from the CPU and from an open /dev/kvm. Returns 0 or errno. */
int ckvm_read_features(int kvm, struct ckvm_features *out);

/* Registers that KVM_RUN takes over and leaves behind (KVM_CAP_SYNC_REGS). */
static inline struct kvm_regs *ckvm_regs(struct kvm_run *run) { return &run->s.regs.regs; }
static inline struct kvm_sregs *ckvm_sregs(struct kvm_run *run) { return &run->s.regs.sregs; }
static inline struct kvm_vcpu_events *ckvm_events(struct kvm_run *run) { return &run->s.regs.events; }

/* The port of an exit by a one-byte `out`, or -1 for any other exit. */
int32_t ckvm_out_port(const struct kvm_run *run);
/* A sentence's worth of an exit that no function should be able to cause. */
uint64_t ckvm_exit_detail(const struct kvm_run *run);

/* ---- guest code, position independent; see guest_x86_64.S ---- */

/* A page: the entry, which resets floating-point state and jumps to the target, and the exit. */
const uint8_t *ckvm_begin_trampoline(void);
const uint8_t *ckvm_end_trampoline(void);
/* Where the exit's `out` lies in it. */
int64_t ckvm_exit_offset(void);
/* CKVM_VECTORS stubs of CKVM_STUB_BYTES, each telling its vector by its port. */
const uint8_t *ckvm_begin_stubs(void);
const uint8_t *ckvm_end_stubs(void);

#endif

#pragma clang assume_nonnull end

#endif
