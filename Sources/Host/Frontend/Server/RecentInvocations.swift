internal import Synchronization

/// Some of the invocations that ended lately, for people who look on: a few each second of every worker, so that the others
/// cost nothing.
public final class RecentInvocations: Sendable {
    private struct State {
        /// Objects of JSON, as in the access log.
        var lines: [[UInt8]] = []
        var next = 0
    }

    private let state = Mutex(State())
    private static let most = 100
    /// Each second, of each worker.
    static let pace = 20

    public init() {}

    func add(_ line: [UInt8]) {
        state.withLock { state in
            if state.lines.count < Self.most {
                state.lines.append(line)
            } else {
                state.lines[state.next] = line
                state.next = (state.next + 1) % Self.most
            }
        }
    }

    /// The latest first.
    var lines: [[UInt8]] {
        state.withLock { state in Array((state.lines[state.next...] + state.lines[..<state.next]).reversed()) }
    }
}
