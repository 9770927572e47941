/// The rows of one dimension: each row gives every member parameter a group of items, or none.
struct Shard {
    let dimension: Dimension
    /// By member, all with `count` groups.
    private(set) var members: [Groups]
    private(set) var count: Int
    /// Bytes of every item by member; known only for dimensions that the platform merges.
    private let sizes: [[Int]]

    init(_ dimension: Dimension, _ sets: [Groups], _ sizes: [[Int]]) {
        self.dimension = dimension
        self.sizes = sizes
        if sets.allSatisfy({ $0.count == 0 }) {
            // Only optional sets can be empty here: the call runs, with nothing in them.
            members = sets.map { Groups(merging: $0, parts: [[nil]]) }
            count = 1
        } else if sets.count == 1 {
            members = sets
            count = sets[0].count
        } else {
            let rows = JoinedRows(sets, dimension.joins)
            members = zip(sets, rows.groups).map { set, groups in
                Groups(merging: set, parts: groups.map { CollectionOfOne($0) })
            }
            count = rows.keys.count
        }
    }

    /// The member with the most bytes, and those bytes.
    var largest: (member: Int, bytes: Int) {
        let totals = sizes.map { $0.reduce(0, &+) }
        let member = totals.indices.max { totals[$0] < totals[$1] } ?? 0
        return (member, totals.isEmpty ? 0 : totals[member])
    }

    /// Bytes of each row in one member.
    func rowSizes(of member: Int) -> [Int] {
        (0..<count).map { row in members[member][row].reduce(0) { $0 &+ sizes[member][Int($1)] } }
    }

    /// Puts rows together; every row must be in exactly one part.
    mutating func merge(into parts: [[Int]]) {
        members = members.map { Groups(merging: $0, parts: parts.map { $0.lazy.map { Optional($0) } }) }
        count = parts.count
    }
}

/// Keyed sets joined left to right. As in SQL, a row is a key and, for each set, its group of that key or nothing.
struct JoinedRows {
    private(set) var keys: [UInt32]
    /// By set, by row.
    private(set) var groups: [[Int?]]

    init(_ sets: [Groups], _ joins: [JoinKind]) {
        keys = sets[0].keys
        groups = [sets[0].keys.indices.map { $0 }]
        for (kind, set) in zip(joins, sets.dropFirst()) { join(set.keys, kind) }
    }

    /// Merges two ascending lists of keys.
    private mutating func join(_ right: [UInt32], _ kind: JoinKind) {
        let left = self
        keys = []
        groups = [[Int?]](repeating: [], count: left.groups.count + 1)
        var l = 0
        var r = 0
        while l < left.keys.count || r < right.count {
            let hasLeft = l < left.keys.count && (r == right.count || left.keys[l] <= right[r])
            let hasRight = r < right.count && (l == left.keys.count || right[r] <= left.keys[l])
            let isKept =
                switch kind {
                case .inner: hasLeft && hasRight
                case .left: hasLeft
                case .right: hasRight
                case .full: true
                }
            if isKept {
                keys.append(hasLeft ? left.keys[l] : right[r])
                for set in left.groups.indices { groups[set].append(hasLeft ? left.groups[set][l] : nil) }
                groups[left.groups.count].append(hasRight ? r : nil)
            }
            if hasLeft { l += 1 }
            if hasRight { r += 1 }
        }
    }
}
