internal import ArgumentParser
internal import Config
internal import Failure
internal import Node

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a node until SIGTERM.",
        discussion: """
            Prints the line "Socket ready" once it accepts connections; log lines go to standard error. SIGHUP loads plugins
            anew whose file or settings have changed (`dandelion plugins reload`).

              dandelion serve --config Config/dandelion.toml --listen 127.0.0.1:8080 --state /var/lib/dandelion
            """)

    @Option(help: "The config file; Config/dandelion.toml describes every setting.")
    var config: String

    @Option(help: "ADDRESS:PORT to accept on, instead of the config's; port 0 takes any free one.")
    var listen: String?

    @Option(help: "Folder of what is registered, instead of the config's; made when it does not exist.")
    var state: String?

    func validate() throws {
        if let listen, ListenAddress(listen) == nil {
            throw ValidationError("--listen must be ADDRESS:PORT such as 127.0.0.1:8080, not '\(listen)'")
        }
        if state?.isEmpty == true { throw ValidationError("--state must name a folder") }
    }

    func run() throws {
        var settings = try ConfigFile.load(config)
        if let address = listen.flatMap(ListenAddress.init) { settings.node.listen = address }
        if let state { settings.node.state = state }
        let plugins = try ConfigFile.telling { () throws(ConfigError) in try PluginSet(settings, serving: true) }
        do throws(Failure) {
            let node = try Node(settings, plugins)
            try node.serve { _ in Output.line("Socket ready") }
        } catch {
            Output.note("dandelion: \(error.detail)")
            throw ExitCode.cannotServe
        }
    }
}

/// Configs, with their mistakes told to the user.
enum ConfigFile {
    static func load(_ path: String) throws -> NodeConfig {
        try telling { () throws(ConfigError) in try NodeConfig.load(path) }
    }

    static func telling<Result>(_ body: () throws(ConfigError) -> Result) throws -> Result {
        do throws(ConfigError) {
            return try body()
        } catch {
            Output.note("\(error)")
            throw ExitCode.badConfig
        }
    }
}
