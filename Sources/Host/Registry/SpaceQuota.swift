internal import Failure
internal import Synchronization

/// What a tenant may keep; nil = as much as there is room for.
public struct SpaceQuota: Sendable, Equatable {
    /// Functions and compositions.
    public var names: Int?
    /// Bytes of images, bound items and texts; what others have, too, counts in full.
    public var bytes: Int?

    public init(names: Int?, bytes: Int?) {
        (self.names, self.bytes) = (names, bytes)
    }
}

extension Space {
    /// - Parameters:
    ///   - names: functions and compositions that are to come; further versions are no more names.
    ///   - bytes: of them.
    ///   - old: whose place is taken.
    /// - Throws: `.memory`, which names what would be too much.
    func refuseBeyondQuota(names: Int, bytes: Int, replacing old: RegisteredFunction? = nil) throws(Failure) {
        let quota = catalogue.quota(of: name)
        let (count, stored) = table.withLock { ($0.count, $0.storedBytes) }
        let (countAfter, after) = (count + names, stored + bytes - (old?.storedBytes ?? 0))
        if let most = quota.names, countAfter > max(most, count) {
            throw Failure(
                .memory,
                "tenant '\(name)' has \(count) functions and compositions and may have \(most): remove one first",
                [.init("tenant", name), .init("limit", String(most))])
        }
        if let most = quota.bytes, after > max(most, stored) {
            throw Failure(
                .memory,
                "tenant '\(name)' keeps \(stored) bytes and may keep \(most), and this would add \(bytes): remove "
                    + "something first",
                [.init("tenant", name), .init("wanted", String(bytes)), .init("limit", String(most))])
        }
    }
}
