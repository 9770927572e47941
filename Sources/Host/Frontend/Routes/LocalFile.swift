internal import Failure
internal import Glibc
internal import Items
internal import Memory

/// Files of this machine that hold function images.
enum LocalFile {
    private static let longest = 1 << 30

    /// - Throws: `.invalid` naming the path and what is wrong with it, for the operator; `.busy` or `.memory` when there is no
    ///   room for it.
    static func read(_ path: String, _ account: MemoryAccount) throws(Failure) -> Blob {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw failure(path, "not a regular file")
        }
        guard status.st_size <= longest else { throw failure(path, "larger than \(longest) bytes") }
        let storage = try ChargedStorage(capacity: Int(status.st_size), account, .bodies)
        try storage.fill(to: storage.capacity)
        var count = 0
        while count < storage.capacity {
            // SAFETY: count < capacity, and nobody else knows the storage yet.
            let part = Glibc.read(descriptor, storage.base + count, storage.capacity - count)
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw failure(path, String(cString: strerror(errno))) }
            if part == 0 { break }
            count += part
        }
        return Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: count)
    }

    private static func failure(_ path: String, _ reason: String) -> Failure {
        Failure(.invalid, "local path '\(path)': \(reason)")
    }
}
