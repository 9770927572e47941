public import Config
public import Failure
public import Items
internal import Memory
internal import Platform
public import PluginHost

/// A backend of a class of the config, started for one image and not for a node.
public enum SingleBackend {
    /// The image, loaded by the first backend of the class that works on this machine and knows its format.
    /// - Throws: `.unavailable` or `.invalid` with what each backend said.
    public static func load(
        _ image: Blob, called name: String, in runClass: FunctionClass, of config: NodeConfig, cache: String
    ) throws(Failure) -> ComputeImage {
        // Begins to measure; it is known when the image is loaded.
        _ = Clock.counterHz
        var reasons: [String] = []
        for backend in runClass.backends {
            guard let plugin = config.plugins.first(where: { $0.name.value == backend.value }) else { continue }
            do throws(Failure) {
                let backend = try ComputeBackend(start(plugin, of: config))
                let loaded = try image.withUnsafeBytes { bytes throws(Failure) in
                    try backend.loadImage(bytes, label: name, cacheDirectory: cache, account: MemoryBudget().own)
                }
                if let loaded { return loaded }
                reasons.append("\(backend.name) takes images of \(backend.imageFormats)")
            } catch {
                if error.kind == .invalid { throw error }
                reasons.append(error.detail)
            }
        }
        throw Failure(
            .unavailable,
            "no backend of class '\(runClass.name.value)' runs \(name): \(reasons.joined(separator: "; "))")
    }

    private static func start(_ plugin: PluginConfig, of config: NodeConfig) throws(Failure) -> PluginInstance {
        let library = try PluginLibrary(path: PluginSet.path(of: plugin, config))
        let configuration = PluginConfiguration(plugin.config)
        let report = try library.probe(label: plugin.name.value, configuration: configuration)
        guard report.isUsable else { throw Failure(.unavailable, "\(plugin.name.value): \(report.message)") }
        return try library.start(label: plugin.name.value, configuration: configuration)
    }
}
