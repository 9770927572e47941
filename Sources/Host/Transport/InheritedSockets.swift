internal import Config
internal import Failure
internal import Glibc
internal import Synchronization

/// Sockets that the service manager opened before it started this process (sd_listen_fds(3)): descriptors from 3 on.
enum InheritedSockets {
    private static let first: Int32 = 3
    private static let taken = Mutex<Set<Int32>>([])

    /// - Parameter name: as LISTEN_FDNAMES has it; nil = the only one.
    /// - Throws: `.unavailable`.
    static func take(_ name: String?) throws(Failure) -> ListeningSocket.Opened {
        let place = ListenPlace.inherited(name)
        func failed(_ why: String) -> Failure { Failure(.unavailable, "cannot listen on \(place): \(why)") }
        // The variables are inherited by children, too, for whom they are not meant.
        guard variable("LISTEN_PID").flatMap({ Int32($0) }) == getpid(),
            let count = variable("LISTEN_FDS").flatMap({ Int32($0) }), 1...1024 ~= count
        else { throw failed("the service manager has given this process no sockets (LISTEN_PID, LISTEN_FDS)") }
        let names = (variable("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
        let matching = (0..<count).filter { name == nil || Int($0) < names.count && names[Int($0)] == name ?? "" }
        guard matching.count == 1, let index = matching.first else {
            throw failed("the service manager gave \(matching.count) sockets of that name, of \(count)")
        }
        let descriptor = first + index
        guard taken.withLock({ $0.insert(descriptor).inserted }) else { throw failed("it is another listener's") }
        guard isListening(descriptor), let family = SocketAddress.family(of: descriptor) else {
            throw failed("it is no socket that accepts connections")
        }
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0,
            fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0
        else { throw failed(String(cString: strerror(errno))) }
        if family != AF_UNIX { ListeningSocket.prepare(descriptor) }
        return ListeningSocket.Opened(
            descriptor: descriptor, place: place, isLocal: SocketAddress.isLocal(descriptor))
    }

    private static func isListening(_ descriptor: Int32) -> Bool {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
        }
        return option(SO_ACCEPTCONN) == 1 && option(SO_TYPE) == Int32(SOCK_STREAM.rawValue)
    }

    private static func variable(_ name: String) -> String? {
        // SAFETY: getenv(3) gives a NUL-terminated text, and nothing here changes the environment.
        getenv(name).map { String(cString: $0) }
    }
}
