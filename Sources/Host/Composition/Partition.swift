/// How many parts the platform makes of `anyEach` and `anyKeyed` sets.
public enum PartitionMode: Sendable, Equatable {
    /// As many as there are items or keys.
    case max
    /// As close to this number as the items or keys allow.
    case fixed(Int)
    /// One per core of all nodes when the sets are larger than this factor times local cores times the least useful
    /// size of a part, else one per local core.
    case auto(Int)
}

public struct PartitionPolicy: Sendable, Equatable {
    public var mode: PartitionMode
    public var localCores: Int
    public var remoteCores: Int
    /// By input parameter of the function: the least useful bytes of a part (`min_set_bytes`); missing = 0.
    public var minSetBytes: [Int]
    /// More instances than this are refused.
    public var maxInstances: Int

    public init(
        mode: PartitionMode = .auto(2), localCores: Int = 1, remoteCores: Int = 0, minSetBytes: [Int] = [],
        maxInstances: Int = 1_000_000
    ) {
        self.mode = mode
        self.localCores = localCores
        self.remoteCores = remoteCores
        self.minSetBytes = minSetBytes
        self.maxInstances = maxInstances
    }

    /// Merges the rows of the dimensions that leave their number to the platform.
    ///
    /// What `each` and `keyed` already multiply counts towards the target. One dimension takes what is left of it, the
    /// others become one part: splitting several would multiply the copies of each.
    func merge(_ shards: inout [Shard]) {
        let free = shards.indices.filter { shards[$0].dimension.isAny }
        guard !free.isEmpty, let target = target(free.map { shards[$0] }) else { return }
        let fixed = shards.reduce(1.0) { $1.dimension.isAny ? $0 : $0 * Double(max($1.count, 1)) }
        let parts = max(1, Int(Double(target) / fixed))
        let chosen = mostEven(free, parts) { shards[$0].count }
        for index in free {
            let largest = shards[index].largest.member
            let least = leastBytes(of: shards[index].dimension.parameters[largest])
            let wanted = min(index == chosen ? parts : 1, shards[index].count)
            guard shards[index].count > 1, least > 0 || wanted < shards[index].count else { continue }
            let rows =
                least > 0
                ? partsBySize(shards[index].rowSizes(of: largest), into: wanted, atLeast: least)
                : evenParts(of: shards[index].count, into: wanted)
            shards[index].merge(into: rows)
        }
    }

    /// A count from a config, safe to calculate with.
    private func bounded(_ count: Int) -> Int { min(max(1, count), Int(Int32.max)) }

    private func leastBytes(of parameter: Int) -> Int {
        parameter < minSetBytes.count ? max(0, minSetBytes[parameter]) : 0
    }

    /// Instances worth having; nil = as many as there can be.
    private func target(_ shards: [Shard]) -> Int? {
        switch mode {
        case .max: return nil
        case .fixed(let count): return bounded(count)
        case .auto(let factor):
            let largest = shards.map(\.largest)
            let bytes = largest.reduce(1.0) { $0 * Double($1.bytes) }
            // Sizes that are not known yet say nothing against splitting.
            if bytes == 0 { return nil }
            let least = zip(shards, largest).reduce(0.0) { sum, each in
                sum + Double(leastBytes(of: each.0.dimension.parameters[each.1.member]))
            }
            let local = bounded(localCores)
            let isLarge = bytes > Double(max(1, factor)) * max(1, least) * Double(local)
            return isLarge ? local + min(max(0, remoteCores), Int(Int32.max)) : local
        }
    }
}

/// The candidate that splits best: the first whose rows divide evenly, else the one with the least left over.
private func mostEven(_ candidates: [Int], _ parts: Int, _ rows: (Int) -> Int) -> Int? {
    func leftOver(_ candidate: Int) -> Double {
        let count = rows(candidate)
        return count == 0 ? 1 : Double(count % parts) / Double(count)
    }
    return candidates.min { leftOver($0) < leftOver($1) }
}

/// `count` rows in `parts` runs, the longer ones first.
func evenParts(of count: Int, into parts: Int) -> [[Int]] {
    let (length, longer) = count.quotientAndRemainder(dividingBy: parts)
    return (0..<parts).map { part in
        let start = part * length + min(part, longer)
        return Array(start..<start + length + (part < longer ? 1 : 0))
    }
}

/// Rows, the largest first, until a part has its even share and the least useful size; at most `parts` parts.
func partsBySize(_ sizes: [Int], into parts: Int, atLeast least: Int) -> [[Int]] {
    let total = sizes.reduce(0, &+)
    let enough = max(total / parts + (total % parts == 0 ? 0 : 1), least)
    var result: [[Int]] = []
    var part: [Int] = []
    var bytes = 0
    for row in sizes.indices.sorted(by: { (sizes[$1], $0) < (sizes[$0], $1) }) {
        part.append(row)
        bytes &+= sizes[row]
        if bytes >= enough {
            result.append(part.sorted())
            part = []
            bytes = 0
        }
    }
    if !part.isEmpty {
        if bytes < least, let last = result.indices.last {
            result[last] = (result[last] + part).sorted()
        } else {
            result.append(part.sorted())
        }
    }
    return result.sorted { $0[0] < $1[0] }
}
