import Glibc
import Synchronization

/// Runs `body` on a thread of its own that is pinned to the first CPU this process may use, as the node runs engines, and
/// waits for its end. Throws what it throws.
public func onPinnedThread(_ body: @escaping @Sendable (_ core: Int32) throws -> Void) throws {
    let work = PinnedWork(body)
    var thread = pthread_t()
    let argument = Unmanaged.passUnretained(work).toOpaque()
    let status = pthread_create(
        &thread, nil,
        { argument in
            // Safe: the creator joins this thread before it lets go of the object.
            if let argument { Unmanaged<PinnedWork>.fromOpaque(argument).takeUnretainedValue().run() }
            return nil
        }, argument)
    guard status == 0 else { throw HarnessError(-1, "no thread: \(status)") }
    pthread_join(thread, nil)
    try work.result.withLock { try $0.get() }
}

private final class PinnedWork: Sendable {
    private let body: @Sendable (Int32) throws -> Void
    let result = Mutex<Result<Void, any Error>>(.success(()))

    init(_ body: @escaping @Sendable (Int32) throws -> Void) { self.body = body }

    func run() {
        let outcome = Result { try body(pinToFirstCore()) }
        result.withLock { $0 = outcome }
    }
}

/// sched_getaffinity(2) and sched_setaffinity(2), which Swift does not import.
private func affinityCall(_ name: String, _ set: inout [UInt8]) -> Bool {
    typealias Call = @convention(c) (pid_t, Int, UnsafeMutablePointer<UInt8>) -> Int32
    guard let symbol = dlsym(nil, name) else { return false }
    // Safe: both have this shape; the mask is only read by the second.
    return unsafeBitCast(symbol, to: Call.self)(0, set.count, &set) == 0
}

/// Pins the calling thread; the CPU's number, or -1 when the system refuses.
private func pinToFirstCore() -> Int32 {
    var set = [UInt8](repeating: 0, count: 128)
    guard affinityCall("sched_getaffinity", &set) else { return -1 }
    guard let first = (0..<set.count * 8).first(where: { set[$0 / 8] & 1 << ($0 % 8) != 0 }) else { return -1 }
    set = [UInt8](repeating: 0, count: 128)
    set[first / 8] = 1 << (first % 8)
    return affinityCall("sched_setaffinity", &set) ? Int32(first) : -1
}
