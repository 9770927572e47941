import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore
import Synchronization

/// A started plugin: what its engines and images share.
final class Instance: ComputeInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init but for `shim` and `images`, which lock.
    let turns: HostTurns
    let memory: HostMemory
    let settings: Settings
    let builder: Builder
    /// What serves WASI imports, once a module needed it.
    let shim = Mutex<Wasi?>(nil)
    let images = LoadedImages()
    let pagemap = Pagemap()

    init(host services: HostServices) throws(PluginError) {
        turns = HostTurns(services)
        memory = HostMemory(services)
        settings = try Settings.table.read(services)
        builder = Builder(
            toolchain: try Toolchain(settings.rustc), limits: settings.limits, processor: try Builder.thisProcessor())
        super.init(services)
    }

    override var capabilities: dn_compute_caps {
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_SOFTWARE
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS | DN_COMPUTE_NAMED_ENTRIES
        caps.image_formats = Self.imageFormats
        caps.context_max = Slot.contextMax
        caps.contexts_per_engine = UInt64(settings.slots)
        caps.interrupt_latency = 1_000_000
        return caps
    }

    // SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
    private nonisolated(unsafe) static let imageFormats = permanentText("wasm32")

    override func load(_ params: dn_image_params) throws(PluginError) -> ComputeImage { try image(params) }

    override func makeEngine(_ params: dn_engine_params) throws(PluginError) -> ComputeEngine {
        try Engine(instance: self)
    }

    /// Tells an operator which compiler there is, or how to get one.
    static func probe(_ services: HostServices) throws(PluginError) -> Finding {
        let settings = try Settings.table.read(services)
        let processor: String
        do throws(PluginError) { processor = try Builder.thisProcessor() } catch {
            return .notAvailable(DN_REASON_NO_CPU_FEATURE, error.message)
        }
        do throws(PluginError) {
            let toolchain = try Toolchain(settings.rustc)
            return .available(
                "\(toolchain.version) at \(toolchain.compiler), for \(processor), run \(toolchain.confinementText)")
        } catch {
            return .notAvailable(DN_REASON_MISSING_TOOL, error.message)
        }
    }
}
