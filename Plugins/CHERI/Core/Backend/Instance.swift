import CCHERI
import Glibc
import PluginABI
import PluginKit

/// A started plugin: what its engines share.
final class Instance: ComputeInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let settings: Settings
    let arena: Arena
    let executor: any Executor
    /// System calls of functions are stopped when they are made; else images that could make one are refused.
    let filters: Bool

    convenience init(host services: HostServices) throws(PluginError) {
        let finding = Processor.ask()
        guard finding.isUsable else { throw PluginError(DN_UNAVAILABLE, finding.message) }
        let settings = try Settings.read(services)
        let arena = try Arena(settings)
        let filters = cheri_can_filter() == 1
        try self.init(
            services, settings, arena, NativeExecutor(services: services, arena: arena.range, filters: filters),
            filters: filters)
    }

    init(
        _ services: HostServices, _ settings: Settings, _ arena: Arena, _ executor: any Executor, filters: Bool
    ) throws(PluginError) {
        (self.settings, self.arena) = (settings, arena)
        (self.executor, self.filters) = (executor, filters)
        super.init(services)
    }

    override func makeEngine(_ params: dn_engine_params) throws(PluginError) -> ComputeEngine {
        try Engine(instance: self)
    }

    override func load(_ params: dn_image_params) throws(PluginError) -> ComputeImage {
        let image = try Image(params.file, contextMax: settings.contextMax)
        if !filters, let address = image.systemCall {
            throw PluginError(
                DN_BAD_IMAGE,
                "it makes a system call at 0x\(hex(address)), which this kernel cannot stop; enable CONFIG_SECCOMP_FILTER"
            )
        }
        return image
    }

    override var capabilities: dn_compute_caps {
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_CAPABILITY
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS | DN_COMPUTE_SYSCALL_NUMBER
        caps.image_formats = Self.imageFormats
        caps.context_max = settings.contextMax
        caps.contexts_per_engine = UInt64(settings.slots)
        caps.interrupt_latency = 2_000_000
        return caps
    }

    // SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
    private nonisolated(unsafe) static let imageFormats = permanentText("elf-aarch64")

    /// Tells an operator whether this machine can run the plugin, and why not.
    static func probe() -> Finding {
        let finding = Processor.ask()
        guard finding.isUsable else { return .notAvailable(finding.reason, finding.message) }
        guard cheri_can_filter() == 1 else {
            return .degraded(
                DN_REASON_NO_KERNEL_FEATURE,
                "\(finding.message); no seccomp filter, so images with system calls are refused")
        }
        return .available(finding.message)
    }
}
