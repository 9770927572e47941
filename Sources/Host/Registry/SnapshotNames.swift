internal import Items
internal import Platform
internal import PluginHost
internal import Synchronization

/// The names of the files of what one registration has prepared: a digest for each of all that this depends on.
final class SnapshotNames: Sendable {
    private let definition: FunctionDefinition
    private let digest: String
    private let boundDigest = Mutex<String?>(nil)
    private let known = Mutex<Set<String>>([])

    /// - Parameter digest: of the image.
    init(_ definition: FunctionDefinition, digest: String) {
        self.definition = definition
        self.digest = digest
    }

    /// - Parameter limit: the memory that runs may use.
    func name(on backend: ComputeBackend, limit: UInt64) -> String {
        let bound = boundDigest.withLock { kept in
            let digest = kept ?? Store.digest(of: definition.inputs.map { $0.bound ?? [] })
            kept = digest
            return digest
        }
        let plugin = backend.instance.library.descriptor
        let facts =
            [PlatformVersion.text, Processor.identity, plugin.id, plugin.version, digest, bound, "\(limit)"]
            // What a program drew at random is in it, which no other tenant's begins with.
            + ["tenant \(definition.space)"]
            + definition.inputs.map { "input \($0.name)" } + definition.outputs.map { "output \($0)" }
        // Names have no line ends.
        return Store.digest(of: Blob(facts.joined(separator: "\n")))
    }

    /// There is a file of that name.
    func add(_ name: String) { known.withLock { _ = $0.insert(name) } }

    func takeAll() -> Set<String> {
        known.withLock { names in
            defer { names = [] }
            return names
        }
    }
}
