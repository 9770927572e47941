internal import ArgumentParser
internal import Config
internal import Failure
internal import Node
internal import Platform

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a node until SIGTERM.",
        discussion: """
            Without --config it runs with the built-in config, which `dandelion
            default-config` prints: on 127.0.0.1:8080, with the plugins beside the
            executable, and with what is registered kept in the folder dandelion-state
            of the working directory.

              dandelion serve
              dandelion serve --config node.toml --state /var/lib/dandelion

            Prints the line "Socket ready" to standard output once it accepts
            connections; log lines, which have times, go to standard error. SIGHUP reads
            the config again, loads plugins anew whose file or settings have changed
            (`dandelion plugins reload`), and tells what was applied and what needs a
            restart.
            """)

    @Option(help: "The config file. (default: the built-in config)")
    var config: String?

    @Option(
        help: "ADDRESS:PORT or unix:PATH to accept on, instead of the config's listeners; port 0 takes any free one.")
    var listen: String?

    @Flag(help: "Accept there although others can reach it, without TLS and authentication.")
    var insecure = false

    @Option(help: "Folder of what is registered, instead of the config's; made when it does not exist.")
    var state: String?

    func validate() throws {
        if let listen, ListenPlace(listen) == nil {
            throw ValidationError(
                "--listen must be ADDRESS:PORT such as 127.0.0.1:8080, unix:PATH or inherited, not '\(listen)'")
        }
        if insecure, listen == nil { throw ValidationError("--insecure is for the place that --listen names") }
        if state?.isEmpty == true { throw ValidationError("--state must name a folder") }
    }

    func run() throws {
        var settings = try ConfigFile.loadOrBuiltIn(config)
        if config == nil {
            Output.note("dandelion: no --config: running with the built-in one, see `dandelion default-config`")
        }
        if let place = listen.flatMap(ListenPlace.init) {
            settings.listeners = [ListenerSettings(place, isInsecure: insecure)]
        }
        // Absolute: what is said to clients is recognised as a path of this machine, wherever the process goes.
        settings.node.state = Input.absolute(state ?? settings.node.state)
        ProcessEnd.forbid()
        defer { ProcessEnd.permit() }
        let start = try telling { () throws(Failure) in try NodeStart(settings) }
        let plugins = try ConfigFile.telling { () throws(ConfigError) in try PluginSet(settings, serving: true) }
        let node = try telling { () throws(Failure) in try Node(settings, plugins, start) }
        try telling { () throws(Failure) in try node.serve { Output.line("Socket ready") } }
    }

    private func telling<Result>(_ body: () throws(Failure) -> Result) throws -> Result {
        do throws(Failure) {
            return try body()
        } catch {
            Output.note("dandelion: \(error.detail)")
            throw ExitCode.cannotServe
        }
    }
}

/// Configs, with their mistakes told to the user.
enum ConfigFile {
    /// The file's, or the built-in one when none is named.
    static func loadOrBuiltIn(_ path: String?) throws -> NodeConfig {
        if let path { return try load(path) }
        return try telling { () throws(ConfigError) in try NodeConfig.builtIn() }
    }

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
