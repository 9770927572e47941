public import Failure
public import Memory
internal import Glibc
internal import Platform
internal import PluginABI

/// What a plugin says of itself.
public struct PluginDescriptor: Sendable {
    public let id: String
    public let name: String
    public let version: String
    public let vendor: String
    public let license: String
    public let description: String
    public let abiMajor: UInt32
    public let abiMinor: UInt32
    public let isReloadable: Bool
    /// JSON Schema subset of its configuration; empty when it takes none.
    public let configSchema: String
}

/// Whether a plugin can work on this machine.
public struct ProbeReport: Sendable {
    public enum Availability: String, Sendable { case available, degraded, unavailable }
    public let availability: Availability
    /// One sentence that an operator can act on.
    public let message: String
    public var isUsable: Bool { availability != .unavailable }
}

/// A plugin's shared object, mapped for ever: an object with Swift code in it cannot be unloaded.
public final class PluginLibrary: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; the descriptor's functions are called under the ABI's thread words.
    public let path: String
    public let descriptor: PluginDescriptor
    private let raw: dn_plugin

    /// Refuses a file that everybody can change, by itself or by its folder.
    /// - Throws: `Failure(.unavailable)` whose text names the file.
    public static func checkTrust(path: String) throws(Failure) {
        func refuse(_ why: String) -> Failure { Failure(.unavailable, "plugin \(path): \(why)") }
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw refuse(String(cString: strerror(errno))) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw refuse("is not a regular file") }
        guard facts.st_mode & S_IWOTH == 0 else { throw refuse("is writable by everybody; chmod o-w it") }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        guard stat(folder, &facts) == 0 else { throw refuse(String(cString: strerror(errno))) }
        // In a sticky folder, such as /tmp, nobody can replace another's file.
        guard facts.st_mode & S_IWOTH == 0 || facts.st_mode & S_ISVTX != 0 else {
            throw refuse("lies in the folder \(folder), which is writable by everybody; chmod o-w it")
        }
    }

    /// Maps the file and checks everything that can be checked without running more than its entry.
    ///
    /// - Parameter original: the file that `path` is a copy of: what messages name, and where libraries are that it
    ///   looks for beside itself.
    /// - Throws: `Failure(.unavailable)` whose text names the file and what is wrong with it.
    public init(path: String, original: String? = nil) throws(Failure) {
        // Without a slash, dlopen(3) would search the system's folders.
        let path = path.contains("/") ? path : "./\(path)"
        self.path = path
        let named = original ?? path
        func refuse(_ why: String) -> Failure { Failure(.unavailable, "plugin \(named): \(why)") }

        try Self.checkTrust(path: path)
        let siblings = try original.map { original throws(Failure) in
            try SiblingLibraries(of: path, at: original)
        }
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
            let why = dlerror().map { String(cString: $0) } ?? "cannot be loaded"
            throw refuse(why + (siblings?.hint ?? ""))
        }
        guard let symbol = dlsym(handle, DN_ENTRY_SYMBOL) else {
            throw refuse("exports no \(DN_ENTRY_SYMBOL): it is no plugin, or one for another major version of the ABI")
        }
        typealias Entry = @convention(c) (UInt32) -> UnsafePointer<dn_plugin>?
        // SAFETY: the symbol's name fixes its type (plugin.h).
        let entry = unsafeBitCast(symbol, to: Entry.self)
        guard let described = entry(DN_ABI_MINOR) else {
            throw refuse("needs a newer host than ABI \(DN_ABI_MAJOR).\(DN_ABI_MINOR)")
        }
        guard ReadableMemory.holds(described, 16) else { throw refuse("its entry gave an address that is no memory") }
        // SAFETY: the bytes are readable.
        let magic = UnsafeRawPointer(described).loadUnaligned(as: UInt64.self)
        guard magic == DN_PLUGIN_MAGIC else {
            throw refuse("its descriptor does not begin with the plugin magic (found \(String(magic, radix: 16)))")
        }
        var mine = dn_plugin()
        withUnsafeMutablePointer(to: &mine) {
            ABI.copy(described, to: $0, MemoryLayout<dn_plugin>.size, sizeOffset: 8)
        }
        raw = mine
        guard raw.abi_major == DN_ABI_MAJOR else {
            throw refuse("was built for ABI major \(raw.abi_major), this host speaks \(DN_ABI_MAJOR)")
        }
        guard raw.pointer_bytes == UInt32(MemoryLayout<UnsafeRawPointer>.size) else {
            throw refuse("has \(raw.pointer_bytes)-byte pointers, this host has \(MemoryLayout<UnsafeRawPointer>.size)")
        }
        let missing = [
            ("id", raw.id == nil), ("name", raw.name == nil), ("version", raw.version == nil),
            ("probe", raw.probe == nil), ("start", raw.start == nil), ("stop", raw.stop == nil),
            ("get_interface", raw.get_interface == nil),
        ].filter(\.1).map(\.0)
        guard missing.isEmpty else { throw refuse("its descriptor lacks \(missing.joined(separator: ", "))") }
        descriptor = PluginDescriptor(
            id: ABI.text(raw.id), name: ABI.text(raw.name), version: ABI.text(raw.version),
            vendor: ABI.text(raw.vendor), license: ABI.text(raw.license), description: ABI.text(raw.description),
            abiMajor: raw.abi_major, abiMinor: raw.abi_minor, isReloadable: raw.flags & 1 != 0,
            configSchema: ABI.text(raw.config_schema))
    }

    /// Ids of the known interfaces that the plugin offers.
    public var interfaces: [String] {
        [DN_COMPUTE_1, DN_COMM_1, DN_TRANSLATE_1, DN_FLEET_1].filter { raw.get_interface?($0) != nil }
    }

    /// Asks whether this machine can run the plugin. Call from the control thread.
    public func probe(label: String, configuration: PluginConfiguration) throws(Failure) -> ProbeReport {
        try probe(label: label, configuration: configuration, through: nil)
    }

    /// As `probe`, with `proxy` in front of the host.
    package func probe(
        label: String, configuration: PluginConfiguration, through proxy: (any HostProxy)?
    ) throws(Failure) -> ProbeReport {
        let services = HostServices(label: label, configuration: configuration, memory: nil)
        // The plugin sees it only by its pointer.
        defer { withExtendedLifetime(services) {} }
        let host = services.seen(through: proxy)
        defer { proxy?.ended() }
        var report = dn_probe()
        report.struct_size = UInt32(MemoryLayout<dn_probe>.size)
        var error = ABI.emptyError()
        let status = withConfig(configuration) { raw.probe?(host, $0, &report, &error) ?? DN_FAILED }
        guard status == DN_OK else { throw ABI.failure(status, error, "plugin \(label): probe") }
        let availability: ProbeReport.Availability =
            switch report.availability {
            case DN_AVAILABLE: .available
            case DN_DEGRADED: .degraded
            default: .unavailable
            }
        return ProbeReport(availability: availability, message: ABI.text(report.message))
    }

    /// Starts an instance. Call from the control thread.
    /// - Parameter memory: What the instance's memory is charged to.
    public func start(
        label: String, configuration: PluginConfiguration, memory: MemoryBudget = MemoryBudget()
    ) throws(Failure) -> PluginInstance {
        try start(label: label, configuration: configuration, memory: memory, through: nil)
    }

    /// As `start`, with `proxy` in front of the host.
    package func start(
        label: String, configuration: PluginConfiguration, memory: MemoryBudget, through proxy: (any HostProxy)?
    ) throws(Failure) -> PluginInstance {
        let services = HostServices(label: label, configuration: configuration, memory: memory)
        let host = services.seen(through: proxy)
        var instance: OpaquePointer?
        var error = ABI.emptyError()
        let status = withConfig(configuration) { raw.start?(host, $0, &instance, &error) ?? DN_FAILED }
        guard status == DN_OK, let instance else {
            proxy?.ended()
            guard status == DN_OK else { throw ABI.failure(status, error, "plugin \(label): start") }
            throw Failure(.unavailable, "plugin \(label): start gave no instance")
        }
        proxy?.started()
        return PluginInstance(
            label: label, library: self, services: services, memory: memory, handle: instance, stop: raw.stop,
            proxy: proxy)
    }

    /// The plugin's own table of an interface, null when it offers none.
    package func interface(_ id: String) -> UnsafeRawPointer? { raw.get_interface?(id) }

    private func withConfig<R>(_ configuration: PluginConfiguration, _ body: (dn_bytes) -> R) -> R {
        var json = configuration.json
        return json.withUTF8 { dn_bytes.borrowing(UnsafeRawBufferPointer($0), body) }
    }
}

/// A started plugin; stopped when the last of its backends, images, engines and reactors is gone.
public final class PluginInstance: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; the handle is used under the ABI's thread words.
    public let label: String
    public let library: PluginLibrary
    /// What the plugin's start gave.
    package let handle: OpaquePointer
    private let services: HostServices
    public let memory: MemoryBudget
    /// It charges what it takes by the host's service; for one that does not, the host assumes the most.
    package var chargesMemory: Bool { services.chargesMemory }
    /// Whether it asks where requests may go.
    public var asksWhere: Bool { services.asksWhere }
    private let stop: (@convention(c) (OpaquePointer) -> Void)?
    private let proxy: (any HostProxy)?

    init(
        label: String, library: PluginLibrary, services: HostServices, memory: MemoryBudget, handle: OpaquePointer,
        stop: (@convention(c) (OpaquePointer) -> Void)?, proxy: (any HostProxy)?
    ) {
        self.label = label
        self.library = library
        self.services = services
        self.memory = memory
        self.handle = handle
        self.stop = stop
        self.proxy = proxy
    }

    deinit {
        services.drainJobs()
        proxy?.stopping()
        stop?(handle)
        services.closeLedger()
        proxy?.ended()
    }
}
