internal import Failure
internal import Glibc

/// Sockets that have a path.
enum UnixSocket {
    /// Accepts at `path`, for the node's user only until somebody changes the file's mode. Takes the place of a socket that an
    /// earlier node left, of nothing else.
    static func open(_ path: String, backlog: Int32) throws(Failure) -> Int32 {
        func failed() -> Failure {
            Failure(.unavailable, "cannot listen on unix:\(path): \(String(cString: strerror(errno)))")
        }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw failed() }
        do throws(Failure) {
            try removeAbandoned(path)
            // Nobody can connect before listen(2), and by then the mode is set.
            guard call(path, { bind(descriptor, $0, $1) }) == 0, chmod(path, 0o600) == 0,
                listen(descriptor, backlog) == 0
            else { throw failed() }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// - Throws: `.unavailable` when something else has the path, or a process listens there.
    private static func removeAbandoned(_ path: String) throws(Failure) {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return }
        guard facts.st_mode & S_IFMT == S_IFSOCK else {
            throw Failure(.unavailable, "cannot listen on unix:\(path): the file is no socket")
        }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(probe) }
        guard call(path, { connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else {
            throw Failure(.unavailable, "cannot listen on unix:\(path): another process does")
        }
        unlink(path)
    }

    /// Calls with the address that `path` is; -1 when it is too long to be one.
    static func call(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let isShort = withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard bytes.count < room.count else { return false }
            room.copyBytes(from: bytes)
            return true
        }
        guard isShort else {
            errno = ENAMETOOLONG
            return -1
        }
        // SAFETY: a sockaddr_un is a sockaddr of that length.
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
