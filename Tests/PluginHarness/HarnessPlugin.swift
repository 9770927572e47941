import Glibc
public import PluginABI
import Synchronization

/// A status of the ABI that was not DN_OK, with what the plugin wrote about it.
public struct HarnessError: Error, Sendable, CustomStringConvertible {
    public let status: dn_status
    public let message: String
    public let inputOffset: UInt64

    public init(_ status: dn_status, _ message: String, at inputOffset: UInt64 = .max) {
        self.status = status
        self.message = message
        self.inputOffset = inputOffset
    }

    public var description: String { "status \(status): \(message)" }
}

/// Calls a fallible slot with an error buffer and throws what it reports.
func attempt(_ what: String, _ call: (UnsafeMutablePointer<dn_error>) -> dn_status?) throws(HarnessError) {
    var err = dn_error()
    err.struct_size = UInt32(MemoryLayout<dn_error>.size)
    guard let status = call(&err) else { throw HarnessError(DN_MISUSE, "\(what): the plugin leaves this slot empty") }
    guard status == DN_OK else {
        throw HarnessError(status, "\(what): \(text(err.message))", at: err.input_offset)
    }
}

/// The text of a C array of characters.
func text<Field>(_ field: Field) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// One started instance of a compute plugin, loaded from its file as the node would.
public final class HarnessPlugin: Sendable {
    public let host: HarnessHost
    nonisolated(unsafe) public let descriptor: UnsafePointer<dn_plugin>
    nonisolated(unsafe) public let compute: UnsafePointer<dn_compute>
    nonisolated(unsafe) public let instance: OpaquePointer

    /// The path of a plugin's file beside the running test program, by product name ("DandelionProcess").
    public static func path(of product: String) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        let executable = String(decoding: buffer.prefix(max(0, length)), as: UTF8.self)
        let folder = executable.lastIndex(of: "/").map { executable[..<$0] } ?? "."
        return "\(folder)/lib\(product).so"
    }

    /// Loads and starts a plugin. `config` is what dn.host.config/1 answers; the JSON text handed over is empty.
    public init(file: String, config: [String: ConfigValue] = [:]) throws(HarnessError) {
        let host = HarnessHost(config: config)
        let descriptor = try HarnessPlugin.descriptor(of: file)
        var started: OpaquePointer?
        try attempt("start") { descriptor.pointee.start?(host.pointer, dn_bytes(), &started, $0) }
        guard let started, let table = descriptor.pointee.get_interface?(DN_COMPUTE_1) else {
            throw HarnessError(DN_UNSUPPORTED, "\(file) offers no \(DN_COMPUTE_1)")
        }
        self.host = host
        self.descriptor = descriptor
        instance = started
        compute = table.assumingMemoryBound(to: dn_compute.self)
    }

    /// An instance that the test makes itself, of a plugin's module that it links.
    public init(
        descriptor: UnsafePointer<dn_plugin>, start: (UnsafePointer<dn_host>) throws -> OpaquePointer
    ) throws {
        host = HarnessHost(config: [:])
        self.descriptor = descriptor
        guard let table = descriptor.pointee.get_interface?(DN_COMPUTE_1) else {
            throw HarnessError(DN_UNSUPPORTED, "the plugin offers no \(DN_COMPUTE_1)")
        }
        compute = table.assumingMemoryBound(to: dn_compute.self)
        instance = try start(host.pointer)
    }

    /// What the plugin's file says about this machine.
    public static func probe(file: String, config: [String: ConfigValue] = [:]) throws(HarnessError) -> (
        availability: Int32, reason: Int32, message: String
    ) {
        let host = HarnessHost(config: config)
        let descriptor = try descriptor(of: file)
        var out = dn_probe()
        out.struct_size = UInt32(MemoryLayout<dn_probe>.size)
        try attempt("probe") { descriptor.pointee.probe?(host.pointer, dn_bytes(), &out, $0) }
        return (out.availability, out.reason, text(out.message))
    }

    private static func descriptor(of file: String) throws(HarnessError) -> UnsafePointer<dn_plugin> {
        guard let library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE),
            let symbol = dlsym(library, DN_ENTRY_SYMBOL)
        else { throw HarnessError(DN_IO, dlerror().map { String(cString: $0) } ?? "cannot load \(file)") }
        typealias Entry = @convention(c) (UInt32) -> UnsafePointer<dn_plugin>?
        guard let descriptor = unsafeBitCast(symbol, to: Entry.self)(DN_ABI_MINOR) else {
            throw HarnessError(DN_UNSUPPORTED, "\(file) refuses ABI minor \(DN_ABI_MINOR)")
        }
        guard descriptor.pointee.magic == DN_PLUGIN_MAGIC, descriptor.pointee.abi_major == DN_ABI_MAJOR else {
            throw HarnessError(DN_UNSUPPORTED, "\(file) is no plugin of this ABI")
        }
        return descriptor
    }

    /// Ends the instance, once every engine and image of it is gone and every job has ended.
    public func stop() {
        while runningJobs.load(ordering: .acquiring) > 0 { usleep(1000) }
        descriptor.pointee.stop?(instance)
    }

    public func capabilities() throws(HarnessError) -> dn_compute_caps {
        var caps = dn_compute_caps()
        caps.struct_size = UInt32(MemoryLayout<dn_compute_caps>.size)
        try attempt("capabilities") { compute.pointee.capabilities?(instance, &caps, $0) }
        return caps
    }

    /// Loads an image; throws DN_UNSUPPORTED or DN_BAD_IMAGE as the plugin does. `cache` is a folder for results; `progress`
    /// is told permille and stage on this thread.
    public func load(
        _ bytes: [UInt8], label: String = "image", cache: String? = nil, entry: String? = nil,
        progress: @escaping (UInt32, String) -> Void = { _, _ in }
    ) throws(HarnessError) -> HarnessImage {
        var image: OpaquePointer?
        let observer = Unmanaged.passRetained(ProgressObserver(progress))
        let cache = cache.map { strdup($0) } ?? nil
        let entry = entry.map { strdup($0) } ?? nil
        defer {
            observer.release()
            free(cache)
            free(entry)
        }
        try attempt("image_load") { err in
            bytes.withUnsafeBufferPointer { buffer in
                label.withCString { label in
                    var params = dn_image_params()
                    params.struct_size = UInt32(MemoryLayout<dn_image_params>.size)
                    params.bytes = dn_bytes(data: buffer.baseAddress, len: UInt64(buffer.count))
                    params.label = label
                    params.cache_directory = cache.map { UnsafePointer($0) }
                    params.entry = entry.map { UnsafePointer($0) }
                    params.progress_arg = observer.toOpaque()
                    params.progress = { argument, permille, stage in
                        guard let argument else { return }
                        // Safe: the observer is retained around the whole call.
                        Unmanaged<ProgressObserver>.fromOpaque(argument).takeUnretainedValue()
                            .told(permille, String(cString: stage))
                    }
                    return compute.pointee.image_load?(instance, &params, &image, err)
                }
            }
        }
        guard let image else { throw HarnessError(DN_FAILED, "image_load gave no image") }
        return try HarnessImage(self, image)
    }
}

private final class ProgressObserver {
    let told: (UInt32, String) -> Void
    init(_ told: @escaping (UInt32, String) -> Void) { self.told = told }
}

/// A loaded image; unloaded with the object.
public final class HarnessImage: Sendable {
    nonisolated(unsafe) let handle: OpaquePointer
    // SAFETY: fixed after init; its text lives as long as the handle, which deinit gives up.
    public nonisolated(unsafe) let info: dn_image_info
    private let plugin: HarnessPlugin

    init(_ plugin: HarnessPlugin, _ handle: OpaquePointer) throws(HarnessError) {
        self.plugin = plugin
        self.handle = handle
        info = try Self.facts(plugin, handle)
    }

    private static func facts(_ plugin: HarnessPlugin, _ handle: OpaquePointer) throws(HarnessError) -> dn_image_info {
        var info = dn_image_info()
        info.struct_size = UInt32(MemoryLayout<dn_image_info>.size)
        try attempt("image_info") { plugin.compute.pointee.image_info?(handle, &info, $0) }
        return info
    }

    /// DN_VERSION_* of now, and why the first one stays.
    public func version() throws(HarnessError) -> (state: Int32, reason: String) {
        let info = try Self.facts(plugin, handle)
        return (info.version, info.version_reason.map { String(cString: $0) } ?? "")
    }

    deinit { plugin.compute.pointee.image_unload?(handle) }
}
