/// What a core's worker does (paper, section 5).
public enum CoreKind: UInt8, Sendable {
    /// Connections, requests to the outside, and functions.
    case both
    /// Functions; what its loop still held when it became one goes on there until it ends.
    case compute
    /// Connections and requests to the outside; of functions, short ones in its spare time.
    case communication

    public var communicates: Bool { self != .compute }
    public var computes: Bool { self != .communication }
}

/// How a node's cores are divided among the two kinds of engines. The first cores communicate, the last ones compute.
///
/// Each kind keeps one core at least. With two cores or one, the first core is of both kinds.
public struct CoreSplit: Equatable, Sendable {
    public let cores: Int
    /// Cores that only compute.
    public private(set) var dedicated: Int

    /// An even split. `cores`: at least 1.
    public init(cores: Int) {
        self.cores = max(1, cores)
        dedicated = 0
        dedicated = (range.lowerBound + range.upperBound + 1) / 2
    }

    private var isShared: Bool { cores <= 2 }
    private var range: ClosedRange<Int> { isShared ? 0...cores - 1 : 1...cores - 1 }

    public func kind(of core: Int) -> CoreKind {
        if core >= cores - dedicated { return .compute }
        return isShared && core == 0 ? .both : .communication
    }

    /// Cores that compute; one of both kinds counts here and below.
    public var compute: Int { dedicated + (isShared ? 1 : 0) }
    public var communication: Int { cores - dedicated }

    /// Gives computing so many cores more, or fewer.
    /// - Returns: false, and nothing changes, when a kind would be left without a core.
    mutating func move(_ change: Int) -> Bool {
        guard range.contains(dedicated + change) else { return false }
        dedicated += change
        return true
    }
}
