internal import Failure
internal import Glibc
internal import Items
internal import Registry

/// Checks on a plugin's file before it is mapped.
enum PluginFile {
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
