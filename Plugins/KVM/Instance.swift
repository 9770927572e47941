import Glibc
import PluginABI
import PluginKit

/// A started plugin: what its engines share.
final class Instance: Sendable {
    let platform: Platform
    // SAFETY of nonisolated(unsafe): the host and its tables are for any thread, and live until stop returns.
    nonisolated(unsafe) let host: UnsafePointer<dn_host>
    nonisolated(unsafe) let jobs: UnsafePointer<dn_host_jobs>?
    let slotCount: Int
    let pagemap = Pagemap()

    static let slotRange: ClosedRange<Int64> = 1...16
    static let slotDefault: Int64 = 4

    init(host: UnsafePointer<dn_host>) throws(PluginError) {
        self.host = host
        jobs = HostServices.table(
            host, DN_HOST_JOBS_1, slots: MemoryLayout<dn_host_jobs>.size, as: dn_host_jobs.self)
        slotCount = Int(
            try HostServices(host).integer("slots", default: Self.slotDefault, in: Self.slotRange))
        do throws(Platform.Obstacle) {
            platform = try Platform()
        } catch {
            throw PluginError(DN_UNAVAILABLE, error.message)
        }
    }

    var capabilities: dn_compute_caps {
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_VM
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS | DN_COMPUTE_SYSCALL_NUMBER
        caps.image_formats = Self.imageFormats
        caps.context_max = GuestMap.contextMax
        caps.contexts_per_engine = UInt64(slotCount)
        caps.interrupt_latency = 1_000_000
        return caps
    }

    // SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
    private nonisolated(unsafe) static let imageFormats = UnsafePointer(strdup("elf-x86_64"))

    /// Tells an operator whether this machine can run the plugin, and how.
    static func probe(_ out: UnsafeMutablePointer<dn_probe>) {
        do throws(Platform.Obstacle) {
            let platform = try Platform()
            try platform.tryMakingVM()
            report(platform, to: out)
        } catch {
            writeProbe(DN_NOT_AVAILABLE, reason: error.reason, error.message, to: out)
        }
    }

    private static func report(_ platform: Platform, to out: UnsafeMutablePointer<dn_probe>) {
        let kind = "/dev/kvm with \(platform.kind.rawValue)"
        if !platform.hasFSGSBase {
            writeProbe(
                DN_DEGRADED, reason: DN_REASON_NO_CPU_FEATURE,
                "\(kind); the CPU lacks FSGSBASE, so images of the original system's KVM backend cannot run", to: out)
        } else if !Pagemap().isUsable {
            writeProbe(
                DN_DEGRADED, reason: DN_REASON_NO_KERNEL_FEATURE,
                "\(kind); the kernel lacks PAGEMAP_SCAN, so used memory is given back instead of zeroed; Linux 6.7 has it",
                to: out)
        } else {
            writeProbe(DN_AVAILABLE, "\(kind)", to: out)
        }
    }
}
