import CCHERI
import PluginABI

/// What the processor and its kernel know of capabilities.
struct Processor: Equatable {
    let isUsable: Bool
    let reason: Int32
    let message: String

    static func ask() -> Processor { Processor(answer: cheri_probe(), hwcapBit: cheri_hwcap_bit()) }

    /// `answer` is a CHERI_* of the instruction probe.
    init(answer: Int32, hwcapBit: Int32) {
        (isUsable, reason) = (answer == CHERI_USABLE, Self.reason(answer))
        message =
            switch answer {
            case CHERI_USABLE: "Morello capabilities; \(Self.kernel(hwcapBit))"
            case CHERI_OTHER_MACHINE: "needs an Arm Morello CPU; this machine is not AArch64"
            case CHERI_NO_INSTRUCTIONS: "needs an Arm Morello CPU; its instructions are illegal on this one"
            case CHERI_WEAK:
                "the CPU knows capabilities, but the kernel gave this process none; boot one with CONFIG_ARM64_MORELLO"
            default: "cannot make a child process that tries the CPU's instructions; raise the limit of processes"
            }
    }

    private static func reason(_ answer: Int32) -> Int32 {
        switch answer {
        case CHERI_USABLE: DN_REASON_NONE
        case CHERI_OTHER_MACHINE: DN_REASON_WRONG_ARCH
        case CHERI_NO_INSTRUCTIONS: DN_REASON_NO_CPU_FEATURE
        case CHERI_WEAK: DN_REASON_NO_KERNEL_FEATURE
        default: DN_REASON_OTHER
        }
    }

    private static func kernel(_ hwcapBit: Int32) -> String {
        switch hwcapBit {
        case 31: "the kernel says HWCAP2_MORELLO (bit 31, Linux 5.18 or newer)"
        case 19: "the kernel says HWCAP2_MORELLO (bit 19, Linux before 5.18)"
        default: "the kernel sets no HWCAP2_MORELLO, its instructions work"
        }
    }
}
