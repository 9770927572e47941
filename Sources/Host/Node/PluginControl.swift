internal import Config
internal import Failure
internal import Frontend
internal import PluginHost
internal import Registry
internal import Synchronization
internal import Telemetry
internal import Values

/// The plugins of a running node: what became of each, and how the next generation of one takes its place.
///
/// For the main thread, which is the plugins' control thread, but for `facts`.
final class PluginControl {
    /// Generations of one plugin that may live at once, the present one included.
    private static let mostGenerations = 8
    /// Different files that may be mapped for one plugin: they stay mapped for ever.
    private static let mostFiles = 64

    private let config: NodeConfig
    private let folder: PluginFolder?
    private let catalogue: Catalogue
    private var plugins: [LivePlugin]
    private let published = Mutex<[PluginFacts]>([])

    /// - Parameter folder: has the files that are mapped.
    init(_ config: NodeConfig, folder: PluginFolder?, plugins: [LivePlugin], catalogue: Catalogue) {
        self.config = config
        self.folder = folder
        self.plugins = plugins
        self.catalogue = catalogue
        publish()
    }

    /// As of a moment ago. Any thread.
    var facts: [PluginFacts] { published.withLock { $0 } }

    private func publish() {
        let facts = plugins.map(\.facts)
        published.withLock { $0 = facts }
    }

    // MARK: Reload

    /// Loads the plugin's file and settings anew, and puts what they give in the place of the running generation.
    ///
    /// Requests that have begun end on the generation that they began on. Whatever is wrong with the new one is thrown, and
    /// the running one stays.
    func reload(_ name: String) throws(Failure) -> PluginFacts {
        guard let plugin = plugins.first(where: { $0.name == name }) else {
            let known = plugins.map(\.name).joined(separator: ", ")
            throw Failure(
                .notFound, "no plugin is configured as '\(name)'; there are: \(known)", [.init("plugin", name)])
        }
        do throws(Failure) {
            try reload(plugin)
            plugin.quarantine = ""
        } catch {
            plugin.quarantine = error.detail
            publish()
            Log.error("plugin \(name) stays as it is (generation \(plugin.generation)): \(error.detail)")
            throw Failure(
                .conflict, "plugin '\(name)' was not reloaded, generation \(plugin.generation) stays: \(error.detail)",
                [.init("plugin", name), .init("generation", "\(plugin.generation)")])
        }
        publish()
        return plugin.facts
    }

    /// Names of the plugins that the node was started with.
    var names: [String] { plugins.map(\.name) }

    /// Reloads every plugin whose file or settings are others in `now`.
    /// - Returns: those that were reloaded, and the names of those that stay as they are although something changed; why is
    ///   logged.
    func reloadChanged(_ now: NodeConfig) -> (applied: [PluginFacts], failed: [String]) {
        var applied: [PluginFacts] = []
        var failed: [String] = []
        for plugin in plugins {
            do throws(Failure) {
                let table = try Self.settings(of: plugin, in: now)
                let digest = try PluginFile.digest(PluginSet.path(of: table, now), expected: table.sha256?.value)
                let isSame = digest == plugin.status.digest && table.config.json == plugin.status.configuration.json
                if isSame { continue }
                applied.append(try reload(plugin.name))
            } catch {
                Log.error("plugin \(plugin.name): \(error.detail)")
                failed.append(plugin.name)
            }
        }
        return (applied, failed)
    }

    /// The plugin's table as a config has it.
    private static func settings(of plugin: LivePlugin, in now: NodeConfig) throws(Failure) -> PluginConfig {
        guard let table = now.plugins.first(where: { $0.name.value == plugin.name }) else {
            throw Failure(.conflict, "\(now.file) has no table [plugins.\(plugin.name)] any more")
        }
        return table
    }

    private func reload(_ plugin: LivePlugin) throws(Failure) {
        guard plugin.draining.count + 1 < Self.mostGenerations else {
            throw Failure(.busy, "\(plugin.draining.count) earlier generations of it are still in use")
        }
        let now: NodeConfig
        do throws(ConfigError) { now = try config.readAgain() } catch { throw Failure(.conflict, "\(error)") }
        let table = try Self.settings(of: plugin, in: now)
        var mistakes: [Mistake] = []
        let status = PluginSet.load(table, now, folder, &mistakes)
        guard mistakes.isEmpty else { throw Failure(.conflict, "\(ConfigError(mistakes: mistakes))") }
        guard let library = status.library, status.isUsable else { throw Failure(.conflict, status.reason) }
        if let digest = status.digest, !plugin.files.contains(digest), plugin.files.count >= Self.mostFiles {
            throw Failure(.conflict, "\(plugin.files.count) files of it are mapped already; restart the node")
        }
        if plugin.isRunning, let running = plugin.status.library { try Self.check(library, follows: running) }
        let next = try plugin.generation(of: try status.start(library, plugin.memory))
        try plugin.check(next, catalogue)
        plugin.replace(with: next, status, catalogue)
        Log.info("plugin \(plugin.name): generation \(plugin.generation) runs \(library.descriptor.version)")
    }

    private static func check(_ next: PluginLibrary, follows running: PluginLibrary) throws(Failure) {
        guard running.descriptor.isReloadable, next.descriptor.isReloadable else {
            let which = running.descriptor.isReloadable ? "the new file" : "the running one"
            throw Failure(.conflict, "\(which) does not say DN_PLUGIN_RELOADABLE: restart the node for it")
        }
        guard running.descriptor.id == next.descriptor.id else {
            throw Failure(
                .conflict, "the file holds \(next.descriptor.id), not another version of \(running.descriptor.id)")
        }
    }

    // MARK: Earlier generations

    /// Whether instances of earlier generations still run.
    var isDraining: Bool { plugins.contains { !$0.draining.isEmpty } }

    /// Ends the earlier generations that nobody uses any more.
    func drain() {
        guard isDraining else { return }
        for plugin in plugins { plugin.drain(catalogue) }
        publish()
    }
}
