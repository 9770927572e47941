internal import Failure
internal import Glibc
internal import Items
internal import Platform
internal import Registry

/// Checks on a plugin's file before it is mapped.
enum PluginFile {
    /// Loads and probes the plugin in a child process first, so that one that crashes or hangs costs the node nothing.
    ///
    /// Nil when the child ended in good order, whatever the plugin said: the node may then ask it itself.
    static func trial(_ path: String, settings: String) -> String? {
        let (ending, _) = ChildProcess.run(
            "/proc/self/exe", ["plugins", "check-one", path, "availability", "--settings", settings],
            timeout: 5_000_000_000)
        switch ending {
        case .exited, .failed: return nil
        case .signalled(let signal):
            return "plugin \(path): crashed when it was inspected (\(String(cString: strsignal(signal))))"
        case .timedOut: return "plugin \(path): did not answer within 5 s when it was inspected"
        }
    }

    /// - Throws: `.unavailable` when the file cannot be read or has another digest.
    static func check(_ path: String, sha256 expected: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(.unavailable, "plugin \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        let digest = Store.digest(of: Blob(bytes))
        guard digest == expected.lowercased() else {
            throw Failure(.unavailable, "plugin \(path): has SHA-256 \(digest), the config wants \(expected)")
        }
    }
}
