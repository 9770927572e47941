public import Config
internal import Failure
internal import Glibc
internal import Platform
public import PluginHost
internal import Telemetry

/// One plugin of the config and what became of it on this machine.
public struct PluginStatus: Sendable {
    public enum State: Sendable {
        case available(ProbeReport)
        case unavailable(String)
    }

    public let name: String
    /// Absolute.
    public let path: String
    public let state: State
    /// Nil when the file could not be loaded.
    public let library: PluginLibrary?

    public var isUsable: Bool {
        if case .available = state { return true }
        return false
    }

    /// One word: available, degraded or unavailable.
    public var availability: String {
        switch state {
        case .available(let report): report.availability.rawValue
        case .unavailable: "unavailable"
        }
    }

    /// Why, for an operator; empty when there is nothing to say.
    public var reason: String {
        switch state {
        case .available(let report): report.message
        case .unavailable(let why): why
        }
    }

    /// Interface ids, such as "dn.compute/1".
    public var interfaces: [String] { library?.interfaces ?? [] }
}

/// The plugins that a config names, loaded and probed.
public struct PluginSet: Sendable {
    public let statuses: [PluginStatus]
    private let configurations: [String: PluginConfiguration]

    /// Loads and probes every plugin of the config; what is wrong with one is in its status.
    /// - Throws: every mistake in the plugins' configurations, each with file, line and column.
    public init(_ config: NodeConfig) throws(ConfigError) {
        let directory = config.node.pluginDirectory ?? Self.executableDirectory
        var statuses: [PluginStatus] = []
        var configurations: [String: PluginConfiguration] = [:]
        var mistakes: [Mistake] = []
        for plugin in config.plugins {
            let configuration = PluginConfiguration(tree: ConfigTree(plugin.config), json: plugin.config.json)
            configurations[plugin.name.value] = configuration
            let path = Self.absolute(plugin.resolvedPath(in: directory))
            statuses.append(Self.load(plugin, path, configuration, config, &mistakes))
        }
        guard mistakes.isEmpty else { throw ConfigError(mistakes: mistakes) }
        self.statuses = statuses
        self.configurations = configurations
    }

    private static func load(
        _ plugin: PluginConfig, _ path: String, _ configuration: PluginConfiguration, _ config: NodeConfig,
        _ mistakes: inout [Mistake]
    ) -> PluginStatus {
        let name = plugin.name.value
        func unavailable(_ why: String, _ library: PluginLibrary? = nil) -> PluginStatus {
            PluginStatus(name: name, path: path, state: .unavailable(why), library: library)
        }
        do {
            if let expected = plugin.sha256 { try PluginFile.check(path, sha256: expected.value) }
            if let trouble = PluginFile.trial(path, settings: configuration.json) { return unavailable(trouble) }
            let library = try PluginLibrary(path: path)
            let schema = library.descriptor.configSchema
            do {
                let wrong = try config.mistakes(of: plugin, schema: schema.isEmpty ? nil : schema)
                guard wrong.isEmpty else {
                    mistakes += wrong
                    return unavailable("its configuration is wrong", library)
                }
            } catch {
                return unavailable("its configuration schema cannot be used: \(error)", library)
            }
            let report = try library.probe(label: name, configuration: configuration)
            guard report.isUsable else { return unavailable(report.message, library) }
            return PluginStatus(name: name, path: path, state: .available(report), library: library)
        } catch {
            return unavailable(error.detail)
        }
    }

    public subscript(name: String) -> PluginStatus? { statuses.first { $0.name == name } }

    /// Starts those that are available and used, and tells the log of all.
    func start(_ used: Set<String>) -> [String: PluginInstance] {
        var instances: [String: PluginInstance] = [:]
        for status in statuses {
            guard let library = status.library, status.isUsable else {
                Log.warning("plugin \(status.name) is unavailable: \(status.reason)")
                continue
            }
            guard used.contains(status.name) else { continue }
            do {
                instances[status.name] = try library.start(
                    label: status.name, configuration: configurations[status.name] ?? .empty)
                let facts = library.descriptor
                Log.info(
                    "plugin \(status.name): \(facts.id) \(facts.version), ABI \(facts.abiMajor).\(facts.abiMinor), "
                        + "\(status.path), \(status.availability)\(status.reason.isEmpty ? "" : ": \(status.reason)")")
            } catch {
                Log.error(error.detail)
            }
        }
        return instances
    }

    /// The folder of the running executable: where relative plugin paths start.
    public static var executableDirectory: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return "." }
        let path = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    private static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }
}

extension ConfigTree {
    /// The plugin's table as dn.host.config/1 reads it; dates were refused before.
    init(_ value: ConfigValue) {
        switch value.kind {
        case .table(let entries):
            self = .table(
                Dictionary(entries.map { ($0.key, ConfigTree($0.value)) }, uniquingKeysWith: { first, _ in first }))
        case .array(let elements): self = .array(elements.map { ConfigTree($0) })
        case .string(let text): self = .string(text)
        case .integer(let number): self = .integer(number)
        case .float(let number): self = .number(number)
        case .boolean(let flag): self = .boolean(flag)
        case .date, .null: self = .table([:])
        }
    }
}
