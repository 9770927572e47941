/// `NAME@3` or `NAME@prod`: one version of what is registered under a name, or the one that an alias points to.
public struct VersionedName: Sendable, Equatable {
    public enum Choice: Sendable, Equatable {
        /// From 1 on.
        case version(Int)
        case alias(String)
    }

    public let name: String
    public let choice: Choice

    /// Nil for a text without such an end. A name that is registered as it stands goes before what it could mean here.
    public init?(_ text: String) {
        guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")), at > text.startIndex else { return nil }
        name = String(text[..<at])
        let end = String(text[text.utf8.index(after: at)...])
        if let number = Int(end), number > 0, String(number) == end {
            choice = .version(number)
        } else if Self.isAlias(end) {
            choice = .alias(end)
        } else {
            return nil
        }
    }

    /// A letter or '_', then letters, digits or '_', so that compositions can name it; 64 bytes at most.
    static func isAlias(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "_") || (byte | 0x20) &- UInt8(ascii: "a") < 26 }
        func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
        return text.utf8.count <= 64 && text.utf8.first.map(isLetter) == true
            && text.utf8.allSatisfy { isLetter($0) || isDigit($0) }
    }

    static func text(_ name: String, _ version: Int) -> String { "\(name)@\(version)" }
    static func text(_ name: String, _ alias: String) -> String { "\(name)@\(alias)" }

    /// What nodes that share one registry call a version: the first has the name alone, as what was registered before there were
    /// versions.
    static func shared(_ name: String, _ version: Int) -> String { version == 1 ? name : text(name, version) }
}

/// Which versions callers of an alias get.
public struct VersionAlias: Sendable, Equatable {
    public struct Share: Sendable, Equatable {
        public var version: Int
        /// Of the requests, in proportion to the others'; above 0.
        public var weight: Int

        public init(version: Int, weight: Int) { (self.version, self.weight) = (version, weight) }
    }

    /// Never empty; each version once.
    public var shares: [Share]
    /// What it pointed to before the last change; empty: nothing.
    public var previous: [Share]

    public init(_ shares: [Share], previous: [Share] = []) { (self.shares, self.previous) = (shares, previous) }

    static let mostShares = 16
    static let largestWeight = 1_000_000

    /// One of its versions, each as often as its weight says.
    func pick() -> Int {
        guard shares.count > 1 else { return shares[0].version }
        var left = Int.random(in: 0..<shares.reduce(0) { $0 + $1.weight })
        for share in shares {
            left -= share.weight
            if left < 0 { return share.version }
        }
        return shares[0].version
    }

    /// Whether callers may get the version, now or when it is put back to what it was.
    func holds(_ version: Int) -> Bool { (shares + previous).contains { $0.version == version } }
}
