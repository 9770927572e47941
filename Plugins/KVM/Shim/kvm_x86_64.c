#if defined(__x86_64__)
#define _GNU_SOURCE
#include "CKVM.h"

#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CPUID_ENTRIES = 256 };

#define XCR0_FUNCTIONS 0xe7ull /* x87, SSE, AVX, AVX-512; not MPX, PKRU, AMX: nothing resets or needs them here */
#define LEAF7_FSGSBASE 1u

extern const uint8_t ckvm_trampoline[], ckvm_trampoline_exit[], ckvm_trampoline_end[], ckvm_stubs[], ckvm_stubs_end[];

int ckvm_architecture_supported(void) { return 1; }

const uint8_t *ckvm_begin_trampoline(void) { return ckvm_trampoline; }
const uint8_t *ckvm_end_trampoline(void) { return ckvm_trampoline_end; }
int64_t ckvm_exit_offset(void) { return ckvm_trampoline_exit - ckvm_trampoline; }
const uint8_t *ckvm_begin_stubs(void) { return ckvm_stubs; }
const uint8_t *ckvm_end_stubs(void) { return ckvm_stubs_end; }

void ckvm_prepare_vm(int vm) {
    uint64_t identity_map = 0xfffbc000;
    ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
    ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
}

static struct kvm_cpuid2 *supported_cpuid(int kvm) {
    struct kvm_cpuid2 *table = calloc(1, sizeof *table + CPUID_ENTRIES * sizeof table->entries[0]);
    if (!table) return NULL;
    table->nent = CPUID_ENTRIES;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, table) == 0) return table;
    int error = errno;
    free(table);
    errno = error;
    return NULL;
}

static struct kvm_cpuid_entry2 *leaf(struct kvm_cpuid2 *table, uint32_t function, uint32_t index) {
    for (uint32_t i = 0; i < table->nent; i++)
        if (table->entries[i].function == function && table->entries[i].index == index) return &table->entries[i];
    return NULL;
}

int ckvm_set_cpuid(int kvm, int vcpu, int force_fsgsbase) {
    struct kvm_cpuid2 *table = supported_cpuid(kvm);
    if (!table) return errno;
    struct kvm_cpuid_entry2 *features = leaf(table, 7, 0);
    if (features && force_fsgsbase) features->ebx |= LEAF7_FSGSBASE;
    int result = ioctl(vcpu, KVM_SET_CPUID2, table) == 0 ? 0 : errno;
    free(table);
    return result;
}

int ckvm_set_msrs(int vcpu, const uint32_t *index, const uint64_t *value, int count) {
    struct kvm_msrs *msrs = calloc(1, sizeof *msrs + (size_t)count * sizeof msrs->entries[0]);
    if (!msrs) return ENOMEM;
    msrs->nmsrs = (uint32_t)count;
    for (int i = 0; i < count; i++) msrs->entries[i] = (struct kvm_msr_entry){.index = index[i], .data = value[i]};
    int set = ioctl(vcpu, KVM_SET_MSRS, msrs);
    int result = set == count ? 0 : set < 0 ? errno : EINVAL;
    free(msrs);
    return result;
}

int ckvm_set_xcr0(int vcpu, uint64_t value) {
    struct kvm_xcrs registers = {.nr_xcrs = 1, .xcrs[0] = {.xcr = 0, .value = value}};
    return ioctl(vcpu, KVM_SET_XCRS, &registers) == 0 ? 0 : errno;
}

static int emulated_by_tcg(void) {
    uint32_t a, signature[3];
    __cpuid(0x40000000, a, signature[0], signature[1], signature[2]);
    return memcmp(signature, "TCGTCGTCGTCG", 12) == 0;
}

int ckvm_read_features(int kvm, struct ckvm_features *out) {
    struct kvm_cpuid2 *table = supported_cpuid(kvm);
    if (!table) return errno;
    memset(out, 0, sizeof *out);
    struct kvm_cpuid_entry2 *basic = leaf(table, 1, 0), *structured = leaf(table, 7, 0);
    struct kvm_cpuid_entry2 *state = leaf(table, 0xd, 0), *extended = leaf(table, 0x80000001, 0);
    if (basic && state && basic->ecx & 1u << 26)
        out->xcr0 = ((uint64_t)state->edx << 32 | state->eax) & XCR0_FUNCTIONS;
    uint32_t a, b, c, d;
    out->fsgsbase = __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & LEAF7_FSGSBASE;
    out->kvm_fsgsbase = structured && structured->ebx & LEAF7_FSGSBASE;
    out->nx = extended && extended->edx & 1u << 20;
    __cpuid(1, a, b, c, d);
    out->xsave = c >> 27 & 1;
    out->tcg = c >> 31 && emulated_by_tcg();
    if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d)) out->xsave_bytes = c;
    free(table);
    return 0;
}

int32_t ckvm_out_port(const struct kvm_run *run) {
    int plain = run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT && run->io.size == 1
                && run->io.count == 1;
    return plain ? run->io.port : -1;
}

uint64_t ckvm_exit_detail(const struct kvm_run *run) {
    switch (run->exit_reason) {
    case KVM_EXIT_FAIL_ENTRY: return run->fail_entry.hardware_entry_failure_reason;
    case KVM_EXIT_INTERNAL_ERROR: return run->internal.suberror;
    case KVM_EXIT_IO: return run->io.port;
    case KVM_EXIT_MMIO: return run->mmio.phys_addr;
    default: return run->hw.hardware_exit_reason;
    }
}
#endif
