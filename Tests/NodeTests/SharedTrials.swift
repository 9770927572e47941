import Foundation

/// Verdicts of plugins' trials that the nodes of these tests share (Docs/decisions/0031), so that not each of them tries the
/// same plugins again. A node that a test gives a state of its own remembers for itself.
enum SharedTrials {
    private static let lock = NSLock()
    private static let folder: String = {
        atexit { try? FileManager.default.removeItem(atPath: SharedTrials.path) }
        return path
    }()
    private static let path =
        FileManager.default.temporaryDirectory.appending(path: "dandelion-trials-\(getpid())").path

    /// Gives a node what others have found out, before it starts.
    static func lend(to state: String) throws {
        try lock.withLock {
            guard FileManager.default.fileExists(atPath: folder) else { return }
            try FileManager.default.createDirectory(
                atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try FileManager.default.copyItem(atPath: folder, toPath: state + "/trials")
        }
    }

    /// Keeps what a node has found out. The first one makes the key that seals the verdicts, and whoever has another one
    /// lends nothing.
    static func take(from state: String) throws {
        try lock.withLock {
            let trials = state + "/trials"
            guard FileManager.default.fileExists(atPath: trials) else { return }
            guard FileManager.default.fileExists(atPath: folder) else {
                return try FileManager.default.copyItem(atPath: trials, toPath: folder)
            }
            guard FileManager.default.contentsEqual(atPath: trials + "/key", andPath: folder + "/key") else { return }
            for name in try FileManager.default.contentsOfDirectory(atPath: trials)
            where !FileManager.default.fileExists(atPath: "\(folder)/\(name)") {
                try FileManager.default.copyItem(atPath: "\(trials)/\(name)", toPath: "\(folder)/\(name)")
            }
        }
    }
}
