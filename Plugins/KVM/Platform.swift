import CKVM
import Glibc
import PluginABI
import PluginKit

/// The machine's /dev/kvm, opened and checked.
final class Platform: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; ioctl(2) on the descriptor may be called by any thread.
    let runBytes: Int
    let hasFSGSBase: Bool
    let isTCG: Bool
    /// How the machine runs guests, for operators.
    let kind: Kind
    private let kvm: Int32
    private let forcesFSGSBase: Bool
    /// 0 when KVM offers guests no XSAVE: a page-table VM's functions have the CPU's own.
    let xcr0: UInt64

    enum Kind: String {
        case vmx = "VT-x"
        case svm = "SVM"
        case pageTables = "a page-table VM"
    }

    /// What keeps the plugin from working here: a DN_REASON_* and a sentence for an operator.
    struct Obstacle: Error {
        let reason: Int32
        let message: String
    }

    init() throws(Obstacle) {
        guard ckvm_architecture_supported() == 1 else {
            throw Obstacle(
                reason: DN_REASON_WRONG_ARCH,
                message: "the KVM backend has guest code for x86-64 only, not for this CPU")
        }
        kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC)
        guard kvm >= 0 else { throw Self.cannotOpen(errno) }
        do throws(Obstacle) {
            (runBytes, kind) = (try Self.check(kvm), Self.findKind())
            var features = ckvm_features()
            guard ckvm_read_features(kvm, &features) == 0 else {
                throw Obstacle(reason: DN_REASON_OTHER, message: "KVM tells no CPU features: \(Self.text(errno))")
            }
            // A page-table VM runs functions on the bare CPU, where instructions work whatever CPUID tells guests.
            let isBare = kind == .pageTables
            guard features.nx == 1, features.xcr0 != 0 || isBare && features.xsave == 1 else {
                throw Obstacle(
                    reason: DN_REASON_NO_CPU_FEATURE,
                    message: "KVM offers guests no \(features.nx == 1 ? "XSAVE" : "NX") on this CPU")
            }
            guard features.xsave_bytes <= GuestMap.Page.entryEnd - GuestMap.Page.entry else {
                throw Obstacle(
                    reason: DN_REASON_NO_CPU_FEATURE,
                    message: "the CPU's XSAVE image has \(features.xsave_bytes) bytes, more than the KVM backend maps")
            }
            xcr0 = features.xcr0
            isTCG = features.tcg == 1
            forcesFSGSBase = isBare && features.fsgsbase == 1 && features.kvm_fsgsbase == 0
            hasFSGSBase = forcesFSGSBase || features.kvm_fsgsbase == 1
        } catch {
            close(kvm)
            throw error
        }
    }

    deinit { close(kvm) }

    private static func text(_ error: Int32) -> String { String(cString: strerror(error)) }

    private static func cannotOpen(_ error: Int32) -> Obstacle {
        switch error {
        case EACCES, EPERM:
            Obstacle(
                reason: DN_REASON_NO_PERMISSION,
                message: "/dev/kvm: permission denied; add the user to group kvm")
        case ENOENT, ENXIO, ENODEV:
            Obstacle(
                reason: DN_REASON_NO_DEVICE,
                message: "/dev/kvm is missing; load kvm_intel or kvm_amd, or enable virtualisation in the firmware")
        default:
            Obstacle(reason: DN_REASON_OTHER, message: "/dev/kvm: \(text(error))")
        }
    }

    /// The size of kvm_run.
    private static func check(_ kvm: Int32) throws(Obstacle) -> Int {
        let version = ioctl(kvm, ckvm_get_api_version, 0)
        guard version == KVM_API_VERSION else {
            throw Obstacle(
                reason: DN_REASON_NO_KERNEL_FEATURE, message: "KVM speaks API \(version), not \(KVM_API_VERSION)")
        }
        let needed = [
            ("KVM_CAP_USER_MEMORY", KVM_CAP_USER_MEMORY, 1), ("KVM_CAP_IMMEDIATE_EXIT", KVM_CAP_IMMEDIATE_EXIT, 1),
            ("KVM_CAP_SYNC_REGS", KVM_CAP_SYNC_REGS, Int32(ckvm_sync_all)), ("KVM_CAP_XCRS", KVM_CAP_XCRS, 1),
        ]
        for (name, number, bits) in needed where ioctl(kvm, ckvm_check_extension, number) & bits != bits {
            throw Obstacle(
                reason: DN_REASON_NO_KERNEL_FEATURE, message: "KVM lacks \(name); Linux 4.17 or newer has it")
        }
        let size = ioctl(kvm, ckvm_get_vcpu_mmap_size, 0)
        guard size >= MemoryLayout<kvm_run>.size else {
            throw Obstacle(reason: DN_REASON_NO_KERNEL_FEATURE, message: "KVM's vCPU state has only \(size) bytes")
        }
        return Int(size)
    }

    private static func findKind() -> Kind {
        if access("/sys/module/kvm_intel", F_OK) == 0 { return .vmx }
        return access("/sys/module/kvm_amd", F_OK) == 0 ? .svm : .pageTables
    }

    /// Says why no VM can be made, as on machines where only another hypervisor may.
    func tryMakingVM() throws(Obstacle) {
        let vm = ioctl(kvm, ckvm_create_vm, 0)
        guard vm >= 0 else {
            throw Obstacle(reason: DN_REASON_OTHER, message: "/dev/kvm opens but makes no VM: \(Self.text(errno))")
        }
        close(vm)
    }

    func makeVM() throws(PluginError) -> Int32 {
        let vm = ioctl(kvm, ckvm_create_vm, 0)
        guard vm >= 0 else { throw PluginError(DN_UNAVAILABLE, "KVM makes no VM: \(Self.text(errno))", errno: errno) }
        ckvm_prepare_vm(vm)
        return vm
    }

    func makeVCPU(_ vm: Int32) throws(PluginError) -> (Int32, UnsafeMutablePointer<kvm_run>) {
        let vcpu = ioctl(vm, ckvm_create_vcpu, 0)
        guard vcpu >= 0 else {
            throw PluginError(DN_UNAVAILABLE, "KVM makes no vCPU: \(Self.text(errno))", errno: errno)
        }
        let index: [UInt32] = [0xc000_0082, 0xc000_0084]  // LSTAR, FMASK
        let value: [UInt64] = [GuestMap.syscallTarget, 0x4_7700]
        let failure = [
            ckvm_set_cpuid(kvm, vcpu, forcesFSGSBase ? 1 : 0), xcr0 == 0 ? 0 : ckvm_set_xcr0(vcpu, xcr0),
            ckvm_set_msrs(vcpu, index, value, 2),
        ].first { $0 != 0 }
        let memory = mmap(nil, runBytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0)
        guard failure == nil, let memory, memory != MAP_FAILED else {
            let error = failure ?? errno
            close(vcpu)
            throw PluginError(DN_UNAVAILABLE, "KVM refuses to set a vCPU up: \(Self.text(error))", errno: error)
        }
        // A child of the process must not write to it.
        madvise(memory, runBytes, MADV_DONTFORK)
        return (vcpu, memory.assumingMemoryBound(to: kvm_run.self))
    }
}
