internal import ArgumentParser
internal import Config
internal import Values

struct ReloadPlugin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Have a running node load a plugin's file and settings anew.",
        discussion: """
              dandelion plugins reload acme --node http://127.0.0.1:8080

            The node inspects the file in a child process, starts it, tries it, and puts
            it in the place of the running one. Requests that have begun end on the
            earlier one. If anything is wrong with the file, the node goes on with what
            it has, and the reason is told here and by `dandelion plugins running`.
            """)

    @Argument(help: "The plugin's name in the node's config.")
    var plugin: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var node: NodeOptions

    func run() throws {
        let facts = try NodeOptions.json(
            try node.send(NodeRequest("POST", ["v1", "plugins", plugin, "reload"])))
        guard !json else { return Output.line(facts.json) }
        let version = facts["version"]?.text ?? ""
        let digest = (facts["sha256"]?.text ?? "").prefix(12)
        Output.line(
            "\(plugin): generation \(facts["generation"]?.json ?? "?") runs, version \(version), file \(digest)")
    }
}

struct RunningPlugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "running",
        abstract: "List the plugins of a running node: generation, version, state, what was refused.",
        discussion: """
              dandelion plugins running --node http://127.0.0.1:8080
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var node: NodeOptions

    func run() throws {
        let plugins = try NodeOptions.json(try node.send(NodeRequest("GET", ["v1", "plugins"])))
        guard !json else { return Output.line(plugins.json) }
        Output.table(
            (plugins["plugins"]?.elements ?? []).map { plugin in
                func text(_ key: String) -> String { plugin[key]?.text ?? plugin[key]?.json ?? "" }
                let refused = text("quarantined")
                let reason = refused.isEmpty ? text("reason") : "refused: \(refused)"
                return [
                    text("name"), "generation \(text("generation"))", text("version"), text("availability"),
                    text("draining") == "0" ? "" : "\(text("draining")) draining", reason,
                ]
            })
    }
}
