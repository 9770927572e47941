import Glibc
import PluginABI
import PluginKit
import Synchronization

/// Calls `body` once with every number below `count`, on this thread and on at most `threads - 1` others, and waits for
/// all. `told` hears on this thread how many have ended. After an error no further calls begin; the first one is thrown.
func inParallel(
    _ count: Int, threads: Int, told: (Int) -> Void, _ body: @escaping @Sendable (Int) throws(PluginError) -> Void
) throws(PluginError) {
    let work = SharedWork(count, body)
    var others: [pthread_t] = []
    for _ in 1..<max(1, min(threads, count)) {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(work)
        let status = pthread_create(
            &thread, nil,
            { argument in
                // SAFETY: the reference that was passed when the thread was made.
                if let argument { Unmanaged<SharedWork>.fromOpaque(argument).takeRetainedValue().run { _ in } }
                return nil
            }, argument.toOpaque())
        // Without another thread, those that are there do its share.
        guard status == 0 else {
            argument.release()
            break
        }
        others.append(thread)
    }
    work.run(told)
    for thread in others { pthread_join(thread, nil) }
    if let error = work.failure { throw error }
}

/// Numbers that threads take one after another.
private final class SharedWork: Sendable {
    private let count: Int
    private let body: @Sendable (Int) throws(PluginError) -> Void
    private let next = Atomic(0)
    private let ended = Atomic(0)
    private let first = Mutex<PluginError?>(nil)

    init(_ count: Int, _ body: @escaping @Sendable (Int) throws(PluginError) -> Void) {
        (self.count, self.body) = (count, body)
    }

    var failure: PluginError? { first.withLock { $0 } }

    func run(_ told: (Int) -> Void) {
        while failure == nil {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            do throws(PluginError) {
                try body(index)
                told(ended.add(1, ordering: .relaxed).newValue)
            } catch {
                first.withLock { $0 = $0 ?? error }
            }
        }
    }
}
