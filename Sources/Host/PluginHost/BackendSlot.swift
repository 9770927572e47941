internal import Synchronization

/// Where the current generation of an isolation backend is found: a reload puts the next one in its place.
///
/// Whoever took one keeps it alive until done with it, so runs that have begun end on the generation that they began on.
public final class BackendSlot: Sendable {
    private let backend: Mutex<ComputeBackend?>

    /// `backend` is nil while the plugin is unavailable.
    public init(_ backend: ComputeBackend?) { self.backend = Mutex(backend) }

    public var current: ComputeBackend? { backend.withLock { $0 } }

    /// Puts the next generation in; what was there is told that it is over.
    public func replace(with next: ComputeBackend) {
        let old = backend.withLock { current in
            defer { current = next }
            return current
        }
        old?.retire()
    }
}

/// Whether a generation of a backend has been replaced: who holds something of it for later uses gives it up.
final class Retirement: Sendable {
    private let over = Atomic<Bool>(false)
    var isOver: Bool { over.load(ordering: .acquiring) }
    func begin() { over.store(true, ordering: .releasing) }
}
