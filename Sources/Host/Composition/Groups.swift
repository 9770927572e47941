/// Items of one set in groups: group g holds the items `items[starts[g] ..< starts[g + 1]]`.
struct Groups: Sendable {
    private(set) var items: [Int32] = []
    private(set) var starts: [Int] = [0]
    /// Ascending, one per group; empty when the groups are not by key.
    private(set) var keys: [UInt32] = []

    var count: Int { starts.count - 1 }
    subscript(group: Int) -> ArraySlice<Int32> { items[starts[group]..<starts[group + 1]] }

    /// One group per item.
    init(eachOf count: Int) {
        items = (0..<Int32(count)).map { $0 }
        starts = Array(0...count)
    }

    /// One group per distinct key of the whole set.
    init<View: SetView>(byKeyOf set: View) {
        let count = set.count
        items = keyOrder(count: count, key: set.key) ?? (0..<Int32(count)).map { $0 }
        for (index, item) in items.enumerated() {
            let key = set.key(at: Int(item))
            if key == keys.last { continue }
            if index > 0 { starts.append(index) }
            keys.append(key)
        }
        if count > 0 { starts.append(count) }
    }

    /// Groups of `other` put together: one per part, nil standing for no items.
    init(merging other: Groups, parts: some Sequence<some Sequence<Int?>>) {
        for part in parts {
            for group in part {
                if let group { items.append(contentsOf: other[group]) }
            }
            starts.append(items.count)
        }
    }
}

/// The indices 0 ..< count ordered by ascending key, equal keys in their order; nil when they are in order as they are.
///
/// `count` must not exceed `Int32.max`.
public func keyOrder(count: Int, key: (Int) -> UInt32) -> [Int32]? {
    var last: UInt32 = 0
    let isOrdered = (0..<count).allSatisfy { index in
        let next = key(index)
        defer { last = next }
        return next >= last
    }
    if isOrdered { return nil }
    // The index in the low half keeps equal keys in order.
    var pairs = (0..<count).map { UInt64(key($0)) << 32 | UInt64(UInt32(truncatingIfNeeded: $0)) }
    pairs.sort()
    return pairs.map { Int32(truncatingIfNeeded: $0) }
}
