import Glibc
import PluginABI
import PluginKit

/// What an operator can set.
struct Settings: Sendable {
    var slots = 4

    static let table = SettingTable(
        Settings(),
        [
            .integer(
                "slots", \.slots, 1...16,
                "contexts that one engine can hold at once; each beyond the first lets outputs stay where they are")
        ])
}

/// A started plugin: what its engines share.
final class Instance: ComputeInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let platform: Platform
    let settings: Settings
    let pagemap = Pagemap()

    init(host services: HostServices) throws(PluginError) {
        settings = try Settings.table.read(services)
        do throws(Platform.Obstacle) {
            platform = try Platform()
        } catch {
            throw PluginError(DN_UNAVAILABLE, error.message)
        }
        super.init(services)
    }

    override var capabilities: dn_compute_caps {
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_VM
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS | DN_COMPUTE_SYSCALL_NUMBER
        if services.hasLargePages { caps.flags |= DN_COMPUTE_MAPS_FILES }
        caps.image_formats = Self.imageFormats
        caps.context_max = GuestMap.contextMax
        caps.contexts_per_engine = UInt64(settings.slots)
        caps.interrupt_latency = 1_000_000
        return caps
    }

    // SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
    private nonisolated(unsafe) static let imageFormats = permanentText("elf-x86_64")

    override func load(_ params: dn_image_params) throws(PluginError) -> ComputeImage { try Image(params.file) }

    override func makeEngine(_ params: dn_engine_params) throws(PluginError) -> ComputeEngine {
        try Engine(instance: self)
    }

    /// Tells an operator whether this machine can run the plugin, and how.
    static func probe() -> Finding {
        let platform: Platform
        do throws(Platform.Obstacle) {
            platform = try Platform()
            try platform.tryMakingVM()
        } catch {
            return .notAvailable(error.reason, error.message)
        }
        let kind = "/dev/kvm with \(platform.kind.rawValue)"
        guard platform.hasFSGSBase else {
            return .degraded(
                DN_REASON_NO_CPU_FEATURE,
                "\(kind); the CPU lacks FSGSBASE, so images of the original system's KVM backend cannot run")
        }
        guard Pagemap().isUsable else {
            return .degraded(
                DN_REASON_NO_KERNEL_FEATURE,
                "\(kind); the kernel lacks PAGEMAP_SCAN, so used memory is given back instead of zeroed; Linux 6.7 has it"
            )
        }
        return .available(kind)
    }
}
