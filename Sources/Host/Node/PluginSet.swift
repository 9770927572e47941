public import Config
internal import Failure
internal import Glibc
internal import Memory
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
    let configuration: PluginConfiguration
    /// SHA-256 of the file; nil when it could not be read, or no copy was made.
    let digest: String?
    /// What judges the file before it is used.
    let trial: PluginTrial

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

extension PluginStatus {
    /// Starts an instance, after the conformance kit has judged the file in processes of its own.
    func start(_ library: PluginLibrary, _ memory: MemoryBudget) throws(Failure) -> PluginInstance {
        try trial.judge()
        let instance = try library.start(label: name, configuration: configuration, memory: memory)
        let facts = library.descriptor
        Log.info(
            "plugin \(name): \(facts.id) \(facts.version), ABI \(facts.abiMajor).\(facts.abiMinor), \(path), "
                + "\(availability)\(reason.isEmpty ? "" : ": \(reason)")")
        return instance
    }

    /// The same, but found not to work.
    func unavailable(_ why: String) -> PluginStatus {
        PluginStatus(
            name: name, path: path, state: .unavailable(why), library: library, configuration: configuration,
            digest: digest, trial: trial)
    }
}

/// How a plugin's file is judged, once: what passed with all that it depends on needs no second trial.
struct PluginTrial: Sendable {
    /// Nil when the file itself is mapped.
    let copy: PluginCopy?
    let original: String
    let settings: String
    private let memory: RememberedTrials?
    private let subject: String
    private let isKnown: Bool

    init(_ copy: PluginCopy?, original: String, settings: String, _ memory: RememberedTrials?) {
        self.copy = copy
        self.original = original
        self.settings = settings
        self.memory = copy == nil ? nil : memory
        subject = copy.map { RememberedTrials.subject($0, original: original, settings: settings) } ?? ""
        isKnown = self.memory?.holds(subject) ?? false
    }

    /// Before the file is mapped.
    func inspect() throws(Failure) { try attempt(.probe) }

    /// Before an instance is started.
    func judge() throws(Failure) {
        guard !isKnown else { return Log.info("plugin \(original): passed its trial before, which is not repeated") }
        try attempt(.whole)
        memory?.keep(subject)
    }

    private func attempt(_ trial: PluginFile.Trial) throws(Failure) {
        guard !isKnown else { return }
        do { try PluginFile.attempt(trial, copy, original: original, settings: settings) } catch {
            throw Failure(error.kind, "plugin \(original): \(error.detail)")
        }
    }
}

/// The plugins that a config names, loaded and probed.
public struct PluginSet: Sendable {
    public let statuses: [PluginStatus]
    /// Where copies of the files lie; nil when the files themselves were loaded.
    let folder: PluginFolder?

    /// Loads and probes every plugin of the config; what is wrong with one is in its status.
    /// - Parameter serving: copies the files into the state folder and loads the copies, as a node that goes on serving
    ///   while the files are changed must do.
    /// - Throws: every mistake in the plugins' configurations, each with file, line and column.
    public init(_ config: NodeConfig, serving: Bool = false) throws(ConfigError) {
        var folder: PluginFolder?
        if serving {
            do throws(Failure) { folder = try PluginFolder(in: config.node.state) } catch {
                throw ConfigError(mistakes: [Mistake(file: config.file, place: nil, message: error.detail)])
            }
        }
        var statuses: [PluginStatus] = []
        var mistakes: [Mistake] = []
        for plugin in config.plugins { statuses.append(Self.load(plugin, config, folder, &mistakes)) }
        guard mistakes.isEmpty else { throw ConfigError(mistakes: mistakes) }
        self.statuses = statuses
        self.folder = folder
    }

    /// Where the plugin's file lies.
    static func path(of plugin: PluginConfig, _ config: NodeConfig) -> String {
        absolute(plugin.resolvedPath(in: config.node.pluginDirectory ?? executableDirectory))
    }

    /// Loads and probes one plugin; what is wrong with it is in its status, and in `mistakes` if its settings are.
    static func load(
        _ plugin: PluginConfig, _ config: NodeConfig, _ folder: PluginFolder?, _ mistakes: inout [Mistake]
    ) -> PluginStatus {
        let name = plugin.name.value
        let path = path(of: plugin, config)
        let configuration = PluginConfiguration(plugin.config)
        var digest: String?
        var trial = PluginTrial(nil, original: path, settings: configuration.json, nil)
        func status(_ state: PluginStatus.State, _ library: PluginLibrary?) -> PluginStatus {
            PluginStatus(
                name: name, path: path, state: state, library: library, configuration: configuration, digest: digest,
                trial: trial)
        }
        func unavailable(_ why: String, _ library: PluginLibrary? = nil) -> PluginStatus {
            status(.unavailable(why), library)
        }
        do {
            try PluginLibrary.checkTrust(path: path)
            if let folder {
                let copy = try folder.copy(path, expected: plugin.sha256?.value)
                digest = copy.digest
                trial = PluginTrial(copy, original: path, settings: configuration.json, folder.trials)
            } else if let expected = plugin.sha256 {
                digest = try PluginFile.digest(path, expected: expected.value)
            }
            try trial.inspect()
            let library = try PluginLibrary(path: trial.copy?.path ?? path, original: path)
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
            return status(.available(report), library)
        } catch {
            return unavailable(error.detail)
        }
    }

    public subscript(name: String) -> PluginStatus? { statuses.first { $0.name == name } }

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
