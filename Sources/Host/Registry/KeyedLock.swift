internal import Synchronization

/// Lets one thread at a time do something for a key; others with the same key wait, others with another do not.
final class KeyedLock: Sendable {
    private final class Turn: Sendable { let lock = Mutex(()) }

    private struct Entry {
        let turn: Turn
        var users: Int
    }

    private let entries = Mutex<[String: Entry]>([:])

    func alone<R: Sendable, E: Error>(_ key: String, _ body: () throws(E) -> R) throws(E) -> R {
        let turn = entries.withLock { entries in
            let turn = entries[key]?.turn ?? Turn()
            entries[key, default: Entry(turn: turn, users: 0)].users += 1
            return turn
        }
        defer {
            entries.withLock { entries in
                entries[key]?.users -= 1
                if entries[key]?.users == 0 { entries[key] = nil }
            }
        }
        return try turn.lock.withLock { _ throws(E) in try body() }
    }
}
