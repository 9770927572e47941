internal import Platform
internal import Synchronization

/// What a durable invocation is known by: later ones have greater numbers, and nobody can guess the next.
public struct InvocationID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Positive: milliseconds since 1970, then 21 random bits.
    let number: Int64

    init(number: Int64) { self.number = number }

    /// Nil unless the text is what `description` gives for one.
    public init?(_ text: String) {
        guard text.utf8.count == 16, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let number = Int64(text, radix: 16), number > 0
        else { return nil }
        self.number = number
    }

    /// 16 hexadecimal digits.
    public var description: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    public static func < (a: InvocationID, b: InvocationID) -> Bool { a.number < b.number }
}

/// Makes ids that no other invocation of the node has.
final class InvocationIDs: Sendable {
    private let last = Mutex<Int64>(0)
    private static let randomBits: Int64 = 21

    /// Ids that are made from now on are greater than this one, whatever the clock says.
    func pass(_ id: InvocationID) { last.withLock { $0 = max($0, id.number) } }

    func next() -> InvocationID {
        let time = Int64(Clock.wall() / 1_000_000) << Self.randomBits
        return last.withLock { last in
            last = max(last + Int64.random(in: 1...1 << 10), time | Int64.random(in: 0..<1 << Self.randomBits))
            return InvocationID(number: last)
        }
    }
}
