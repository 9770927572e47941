internal import ArgumentParser
internal import Config
internal import Failure
internal import Glibc
internal import Node
internal import PluginHost
internal import Values

struct Plugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show, judge, write and upgrade plugins.",
        discussion: """
              dandelion plugins list --config Config/dandelion.toml
              dandelion plugins inspect libDandelionProcess.so
              dandelion plugins check libDandelionProcess.so
              dandelion plugins new comm memo --lang c
              dandelion plugins reload acme --node http://127.0.0.1:8080
            """,
        subcommands: [
            ListPlugins.self, InspectPlugin.self, CheckPlugin.self, NewPlugin.self, ReloadPlugin.self,
            RunningPlugins.self,
            TryPlugin.self,
        ],
        defaultSubcommand: ListPlugins.self)
}

struct ListPlugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List plugins: name, interface, availability, reason.",
        discussion: """
              dandelion plugins list --config Config/dandelion.toml --json
            """)

    @Option(help: "The config that names the plugins; without it, those beside the executable are listed.")
    var config: String?

    @Flag(help: "Print JSON: name, absolute path, interface, availability, reason.")
    var json = false

    func run() throws {
        let found = try FoundPlugin.all(config)
        if json {
            Output.line(ParsedValue(.array(found.map { ParsedValue(.table($0.fields)) })).json)
        } else {
            Output.table(
                found.map { [$0.name, $0.interface, $0.availability, $0.reason.isEmpty ? $0.path : $0.reason] })
        }
    }
}

struct InspectPlugin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show all that a plugin says of itself, its settings included.",
        discussion: """
              dandelion plugins inspect NAME --config Config/dandelion.toml
              dandelion plugins inspect /opt/acme/lib/libacme-dandelion.so --json
            """)

    @Argument(help: "A name that `plugins list` shows, or a file.")
    var plugin: String

    @Option(help: "The config that names the plugins; without it, those beside the executable are known.")
    var config: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let found = try FoundPlugin.named(plugin, config)
        if json {
            Output.line(ParsedValue(.table(found.fields + found.ownFields)).json)
        } else {
            let fields = (found.fields + found.ownFields).filter { $0.key != "settings" }
            Output.table(fields.map { [$0.key, $0.value.text ?? $0.value.json] })
            let settings = found.schema?["properties"]?.entries ?? []
            if !settings.isEmpty { Output.line("\nsettings") }
            Output.table(settings.map(Self.row))
        }
        guard found.library != nil else { throw ExitCode.failure }
    }

    private static func row(_ setting: ParsedEntry) -> [String] {
        let standard = setting.value["default"].map { "default \($0.json)" } ?? "no default"
        return [
            "  \(setting.key)", setting.value["type"]?.text ?? "", standard, setting.value["description"]?.text ?? "",
        ]
    }
}

/// A plugin that a config names, or that lies beside the executable, or that the user named.
struct FoundPlugin {
    let name: String
    /// Absolute.
    let path: String
    let availability: String
    let reason: String
    /// Nil when the file could not be loaded.
    let library: PluginLibrary?

    /// Ids, such as "dn.compute/1"; empty when the file could not be loaded.
    var interface: String { library?.interfaces.joined(separator: ", ") ?? "" }

    var schema: ParsedValue? {
        guard let text = library?.descriptor.configSchema, !text.isEmpty else { return nil }
        return try? JSONReader.read(text)
    }

    private init(_ status: PluginStatus) {
        name = status.name
        path = status.path
        availability = status.availability
        reason = status.reason
        library = status.library
    }

    /// Loads and probes a file, without settings.
    private init(_ name: String, _ path: String) {
        self.name = name
        self.path = path
        var loaded: PluginLibrary?
        do throws(Failure) {
            let library = try PluginLibrary(path: path)
            loaded = library
            let report = try library.probe(label: name, configuration: .empty)
            (availability, reason) = (report.availability.rawValue, report.message)
        } catch {
            (availability, reason) = ("unavailable", error.detail)
        }
        library = loaded
    }

    static func all(_ config: String?) throws -> [FoundPlugin] {
        guard let config else { return beside() }
        let settings = try ConfigFile.load(config)
        return try ConfigFile.telling { () throws(ConfigError) in try PluginSet(settings) }.statuses.map(
            FoundPlugin.init)
    }

    static func named(_ name: String, _ config: String?) throws -> FoundPlugin {
        if !name.contains("/"), !name.hasSuffix(".so") {
            let known = try all(config)
            if let plugin = known.first(where: { $0.name == name }) { return plugin }
            let names = known.map(\.name).joined(separator: ", ")
            throw ValidationError("no plugin is named '\(name)'; known are \(names), and files by a path")
        }
        let here = Input.absolute(name)
        let isHere = name.contains("/") || access(here, F_OK) == 0
        return FoundPlugin(name, isHere ? here : "\(PluginSet.executableDirectory)/\(name)")
    }

    /// Named after their files: libDandelionSandbox.so is "sandbox".
    private static func beside() -> [FoundPlugin] {
        let folder = PluginSet.executableDirectory
        let (prefix, suffix) = ("libDandelion", ".so")
        return Input.names(in: folder).filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }.map { file in
            FoundPlugin(file.dropFirst(prefix.count).dropLast(suffix.count).lowercased(), "\(folder)/\(file)")
        }
    }

    /// What `plugins list --json` prints of each.
    var fields: [ParsedEntry] {
        ParsedValue.table([
            "name": .string(name), "path": .string(path), "interface": .string(interface),
            "availability": .string(availability), "reason": .string(reason),
        ]).entries
    }

    /// What the plugin says of itself.
    var ownFields: [ParsedEntry] {
        guard let own = library?.descriptor else { return [] }
        return ParsedValue.table([
            "id": .string(own.id), "title": .string(own.name), "version": .string(own.version),
            "vendor": .string(own.vendor), "license": .string(own.license), "description": .string(own.description),
            "abi": .string("\(own.abiMajor).\(own.abiMinor)"), "reloadable": .boolean(own.isReloadable),
            "settings": schema?.kind ?? .null,
        ]).entries
    }
}
