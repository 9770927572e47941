internal import CPlatform
internal import Failure
internal import Glibc

/// The signals that are the node's own: those that ask it to stop, SIGHUP and SIGUSR1.
///
/// They are blocked in every thread and read from a descriptor when the main thread comes to it.
struct NodeSignals: Sendable {
    private static let ignored = [SIGPIPE, SIGXFSZ]
    static let stopping = [SIGTERM, SIGINT, SIGQUIT]

    /// Readable when one waits.
    let descriptor: Int32

    /// Call from the main thread before any other thread exists and before any plugin is loaded: a library may start
    /// threads when it is mapped, and a thread has the mask of the one that made it. One that had these signals unblocked
    /// would end the process in the middle of its work.
    init() throws(Failure) {
        // What they tell, write(2) tells whoever called it: a connection that is closed, a file at the limit of its size.
        for ignored in Self.ignored { signal(ignored, SIG_IGN) }
        let all = Self.stopping + [SIGHUP, SIGUSR1]
        descriptor = cp_signal_fd(all, Int32(all.count))
        guard descriptor >= 0 else { throw Failure(.internal, "signalfd: \(String(cString: strerror(errno)))") }
    }

    /// The next one; nil = none waits.
    func next() -> Int32? {
        let signal = cp_next_signal(descriptor)
        return signal > 0 ? signal : nil
    }

    /// Whether the node is asked to stop: what takes long on the main thread is to be given up.
    static var askToStop: Bool {
        var waiting = sigset_t()
        return sigpending(&waiting) == 0 && stopping.contains { sigismember(&waiting, $0) == 1 }
    }
}
