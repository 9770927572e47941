import CCHERI
import Glibc
import PluginABI
import PluginKit

/// A started plugin: what its engines share.
final class Instance: Sendable {
    let settings: Settings
    let services: HostServices
    let arena: Arena
    let executor: any Executor
    /// System calls of functions are stopped when they are made; else images that could make one are refused.
    let filters: Bool

    convenience init(host: UnsafePointer<dn_host>) throws(PluginError) {
        let finding = Processor.ask()
        guard finding.isUsable else { throw PluginError(DN_UNAVAILABLE, finding.message) }
        let services = HostServices(host)
        let settings = try Settings(services)
        let arena = try Arena(settings)
        let filters = cheri_can_filter() == 1
        try self.init(
            services, settings, arena, NativeExecutor(host: host, arena: arena.range, filters: filters),
            filters: filters)
    }

    init(
        _ services: HostServices, _ settings: Settings, _ arena: Arena, _ executor: any Executor, filters: Bool
    ) throws(PluginError) {
        (self.services, self.settings, self.arena) = (services, settings, arena)
        (self.executor, self.filters) = (executor, filters)
    }

    func load(_ bytes: dn_bytes) throws(PluginError) -> Image {
        // Safe: borrow-call bytes of the host.
        let file = UnsafeRawBufferPointer(start: bytes.data, count: Int(clamping: bytes.len))
        let image = try Image(file, contextMax: settings.contextMax)
        if !filters, let address = image.systemCall {
            throw PluginError(
                DN_BAD_IMAGE,
                "it makes a system call at 0x\(hex(address)), which this kernel cannot stop; enable CONFIG_SECCOMP_FILTER"
            )
        }
        return image
    }

    var capabilities: dn_compute_caps {
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_CAPABILITY
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS | DN_COMPUTE_SYSCALL_NUMBER
        caps.image_formats = UnsafeRawPointer(Self.imageFormats.utf8Start).assumingMemoryBound(to: CChar.self)
        caps.context_max = settings.contextMax
        caps.contexts_per_engine = UInt64(settings.slots)
        caps.interrupt_latency = 2_000_000
        return caps
    }

    private static let imageFormats: StaticString = "elf-aarch64"

    /// Tells an operator whether this machine can run the plugin, and why not.
    static func probe(_ out: UnsafeMutablePointer<dn_probe>) {
        let finding = Processor.ask()
        if !finding.isUsable {
            writeProbe(DN_NOT_AVAILABLE, reason: finding.reason, finding.message, to: out)
        } else if cheri_can_filter() != 1 {
            writeProbe(
                DN_DEGRADED, reason: DN_REASON_NO_KERNEL_FEATURE,
                "\(finding.message); no seccomp filter, so images with system calls are refused", to: out)
        } else {
            writeProbe(DN_AVAILABLE, finding.message, to: out)
        }
    }
}
