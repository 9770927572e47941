import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore
import Synchronization

/// A started plugin: what its engines and images share.
final class Instance: Sendable {
    struct Settings: Sendable {
        var rustc = "rustc"
        var slots = 4
        var stackBytes: UInt64 = 8 << 20
        var limits = Toolchain.Limits()
        var cacheBytes: UInt64 = 1 << 30
        var optimises = true
    }

    // SAFETY of nonisolated(unsafe): the host and its tables are for any thread, and live until stop returns.
    nonisolated(unsafe) let host: UnsafePointer<dn_host>
    nonisolated(unsafe) let jobs: UnsafePointer<dn_host_jobs>?
    let services: HostServices
    let turns: HostTurns
    let settings: Settings
    let builder: Builder
    /// What serves WASI imports, once a module needed it.
    let shim = Mutex<Wasi?>(nil)
    let images = LoadedImages()
    let pagemap = Pagemap()

    init(host: UnsafePointer<dn_host>) throws(PluginError) {
        self.host = host
        jobs = HostServices.table(host, DN_HOST_JOBS_1, slots: MemoryLayout<dn_host_jobs>.size, as: dn_host_jobs.self)
        services = HostServices(host)
        turns = HostTurns(host)
        settings = try Self.settings(services)
        builder = Builder(
            toolchain: try Toolchain(settings.rustc), limits: settings.limits, processor: try Builder.thisProcessor())
    }

    private static func settings(_ services: HostServices) throws(PluginError) -> Settings {
        var settings = Settings()
        settings.rustc = try services.text("rustc", default: settings.rustc)
        settings.slots = Int(try services.integer("slots", default: 4, in: 1...16))
        settings.stackBytes = UInt64(try services.integer("stack_kib", default: 8192, in: 64...1_048_576)) << 10
        settings.limits.memory = UInt64(try services.integer("compile_mib", default: 2048, in: 256...65536)) << 20
        settings.limits.seconds = UInt32(try services.integer("compile_seconds", default: 300, in: 5...3600))
        settings.cacheBytes = UInt64(try services.integer("cache_mib", default: 1024, in: 16...1_048_576)) << 20
        settings.optimises = try services.boolean("optimise", default: true)
        return settings
    }

    static let schema = """
        {"type": "object", "properties": {\
        "rustc": {"type": "string", "default": "rustc", "description": "the Rust compiler: a path, or a name in PATH"}, \
        "slots": {"type": "integer", "minimum": 1, "maximum": 16, "default": 4, \
        "description": "contexts that one engine can hold at once"}, \
        "stack_kib": {"type": "integer", "minimum": 64, "maximum": 1048576, "default": 8192, \
        "description": "native stack of a function, KiB"}, \
        "compile_mib": {"type": "integer", "minimum": 256, "maximum": 65536, "default": 2048, \
        "description": "resident memory of the compilers of one module, MiB"}, \
        "compile_seconds": {"type": "integer", "minimum": 5, "maximum": 3600, "default": 300, \
        "description": "processor time for each crate that a module becomes, seconds"}, \
        "cache_mib": {"type": "integer", "minimum": 16, "maximum": 1048576, "default": 1024, \
        "description": "compiled modules kept on disk, MiB"}, \
        "optimise": {"type": "boolean", "default": true, \
        "description": "compile again with all optimisations when the first version is ready"}}}
        """

    var capabilities: dn_compute_caps {
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_SOFTWARE
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS
        caps.image_formats = Self.imageFormats
        caps.context_max = Slot.contextMax
        caps.contexts_per_engine = UInt64(settings.slots)
        caps.interrupt_latency = 1_000_000
        return caps
    }

    // SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
    private nonisolated(unsafe) static let imageFormats = UnsafePointer(strdup("wasm32"))

    /// Tells an operator which compiler there is, or how to get one.
    static func probe(_ host: UnsafePointer<dn_host>, _ out: UnsafeMutablePointer<dn_probe>) {
        do throws(PluginError) {
            let settings = try settings(HostServices(host))
            let processor = try Builder.thisProcessor()
            let toolchain = try Toolchain(settings.rustc)
            writeProbe(
                DN_AVAILABLE,
                "\(toolchain.version) at \(toolchain.compiler), for \(processor), run \(toolchain.confinementText)",
                to: out)
        } catch {
            let reason =
                error.status == DN_BAD_CONFIG
                ? DN_REASON_BAD_CONFIG
                : error.message.contains("processor") ? DN_REASON_NO_CPU_FEATURE : DN_REASON_MISSING_TOOL
            writeProbe(DN_NOT_AVAILABLE, reason: reason, error.message, to: out)
        }
    }
}
