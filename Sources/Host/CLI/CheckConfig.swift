internal import ArgumentParser
internal import Config
internal import Failure
internal import Node
internal import Transport

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a config, and show what it would choose on this machine and why.",
        discussion: """
            Loads and probes the plugins, as a node would, and starts nothing. Mistakes
            are told as file:line:column, all at once, and end with exit code 78. A
            plugin that is not available is no mistake. Root looks as the config's user.

              dandelion check-config
              dandelion check-config node.toml
            """)

    @Argument(help: "The config file. (default: the built-in config)")
    var file: String?

    func run() throws {
        let config = try ConfigFile.loadOrBuiltIn(file)
        let rights = try TokenOptions.telling { () throws(Failure) in try NodeRights(config).tried() }
        let plugins = try ConfigFile.telling { () throws(ConfigError) in try PluginSet(config) }
        let places = config.listeners.map { "\($0.place)" }.joined(separator: ", ")
        Output.line("\(config.file): no mistakes; listens on \(places), state in \(config.node.state)")
        for listener in config.listeners { Self.tell(listener) }
        for mistake in rights { Output.line("  rights: \(mistake)") }
        if !plugins.statuses.isEmpty {
            Output.line("\nplugins")
            Output.table(
                plugins.statuses.map { ["  \($0.name)", $0.availability, $0.reason.isEmpty ? $0.path : $0.reason] })
        }
        if !config.classes.isEmpty {
            Output.line("\nclasses")
            Output.table(config.classes.map { Self.row($0, ClassPlan($0, plugins)) })
            let memory = ClassPlan.mostForFunction(of: config)
            for item in config.classes where item.memoryLimit > memory {
                Output.line(
                    "  class \(item.name.value): its memory_limit, \(Units.sizeText(item.memoryLimit)), is more than the "
                        + "\(Units.sizeText(memory)) that this node gives one function: those that ask for no less memory are refused"
                )
            }
        }
        if !config.functions.isEmpty {
            Output.line("\ncommunication functions")
            Output.table(config.functions.map { Self.row($0, plugins) })
        }
    }

    /// What is worth knowing of a listener before it is there.
    private static func tell(_ listener: ListenerSettings) {
        if let reason = listener.warning { Output.line("  insecure: \(reason)") }
        guard let tls = listener.tls else { return }
        do throws(Failure) { try TLSContext.check(tls) } catch { Output.line("  \(listener.place): \(error.detail)") }
    }

    private static func row(_ item: FunctionClass, _ plan: ClassPlan) -> [String] {
        let limits =
            "\(Units.sizeText(item.memoryLimit)), \(Units.timeText(item.timeout)), inline \(item.inline.rawValue)"
        // Those before the chosen one are why it was chosen.
        let passed = plan.candidates.prefix { !$0.isUsable }.map { "not \($0.backend): \($0.reason)" }
        let missing = plan.missing.map { "not translator \($0.backend): \($0.reason)" }
        return ["  \(item.name.value)", plan.chosen ?? "none", ([limits] + passed + missing).joined(separator: "; ")]
    }

    private static func row(_ function: CommunicationFunction, _ plugins: PluginSet) -> [String] {
        let name = function.plugin.value
        let limits = "\(Units.timeText(function.timeout)), \(Units.sizeText(function.maxResponse))"
        let status = plugins[name]
        var reason = ""
        if status?.isUsable != true {
            reason = "; not \(name): \(status?.reason ?? "no such plugin")"
        } else if status?.interfaces.contains("dn.comm/1") != true {
            reason = "; not \(name): is no communication backend"
        }
        let chosen = reason.isEmpty ? name : "none"
        return ["  \(function.name.value)", chosen, "protocol \(function.protocolName.value), \(limits)\(reason)"]
    }
}
