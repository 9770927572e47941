internal import Failure
internal import Items
internal import Registry
internal import Telemetry

/// What a node keeps in its state about plugins: copies of their files, which a changed original does not touch (a mapped
/// file that is overwritten takes the process with it), and which of them passed their trial.
final class PluginFolder: Sendable {
    private let copies: StoreFolder
    /// Nil when it cannot be kept.
    let trials: RememberedTrials?

    /// Opens the folders; the copies of an earlier node are of no use.
    init(in state: String) throws(Failure) {
        let root = try StoreFolder(state)
        copies = try StoreFolder("plugins", in: root)
        for name in try copies.names() { copies.discard(name) }
        do throws(Failure) { trials = try RememberedTrials(in: root) } catch {
            Log.warning("which plugins passed their trial is not remembered: \(error.detail)")
            trials = nil
        }
    }

    /// Copies a plugin's file.
    /// - Throws: `.unavailable` when it cannot be read or has another digest, `.internal` when the copy cannot be written.
    func copy(_ path: String, expected: String?) throws(Failure) -> PluginCopy {
        let bytes = Blob(try PluginFile.read(path))
        let copy = PluginCopy(
            digest: try PluginFile.digest(of: bytes, path, expected: expected), folder: copies)
        if let there = try? copies.read(copy.name, limit: bytes.count), Store.digest(of: there) == copy.digest {
            return copy
        }
        try bytes.withUnsafeBytes { (bytes) throws(Failure) in try copies.put(copy.name, bytes) }
        return copy
    }
}

/// A plugin's file as the node maps it. Named by way of the open folder: whatever happens to the folder's own path, this is
/// what was written.
struct PluginCopy: Sendable {
    /// SHA-256, hexadecimal.
    let digest: String
    let folder: StoreFolder

    var name: String { "\(digest).so" }
    /// For this process.
    var path: String { path(by: folder.descriptor) }
    /// For a process that has the folder open as `descriptor`.
    func path(by descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)/\(name)" }
}
