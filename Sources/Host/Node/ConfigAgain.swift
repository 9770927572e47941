internal import Config
internal import Frontend
internal import Telemetry

/// What SIGHUP does: reads the config again, applies what can be applied, and tells that, and what needs a restart.
struct ConfigAgain {
    /// What the node was started with.
    private let started: NodeConfig
    private var last: NodeConfig

    init(_ config: NodeConfig) {
        started = config
        last = config
    }

    /// - Returns: what was applied, in words.
    mutating func read(_ plugins: PluginControl) -> String {
        let now: NodeConfig
        do throws(ConfigError) { now = try started.readAgain() } catch {
            Log.error("SIGHUP: the configuration has mistakes, everything stays as it is: \(error)")
            return "the configuration has mistakes"
        }
        let reloads = plugins.reloadChanged(now)
        let applied =
            last.changes(to: now).filter { Self.isApplied($0, plugins.names) }.map(\.description)
            .filter { key in !reloads.failed.contains { key.hasPrefix("plugins.\($0).") } }
            + reloads.applied.map { "plugin \($0.name) (generation \($0.generation))" }
        last = now
        let waiting = started.changes(to: now).filter { !Self.isApplied($0, plugins.names) }.map(\.description)
        // Told before the level changes, which might hide it.
        if applied.isEmpty, reloads.failed.isEmpty, waiting.isEmpty { Log.info("SIGHUP: nothing has changed") }
        if !applied.isEmpty { Log.info("SIGHUP: applied: \(applied.joined(separator: ", "))") }
        if !waiting.isEmpty {
            Log.warning("SIGHUP: not applied, these need a restart: \(waiting.joined(separator: ", "))")
        }
        if !reloads.failed.isEmpty {
            Log.warning(
                "SIGHUP: plugins that stay as they are, as told above: \(reloads.failed.joined(separator: ", "))")
        }
        if let level = LogLevel(name: now.node.log.rawValue) { Log.setLevel(level) }
        return applied.isEmpty ? "nothing was applied" : "applied: \(applied.joined(separator: ", "))"
    }

    /// Whether a change is not left to a restart: the log's level, and what concerns plugins that the node was started with.
    private static func isApplied(_ change: ConfigChange, _ plugins: [String]) -> Bool {
        if change.key == "node.log" || change.key == "node.plugin_directory" { return true }
        return plugins.contains { change.key.hasPrefix("plugins.\($0).") }
    }
}
