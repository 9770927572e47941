/// How long a request and its answer may take, in seconds (Docs/http-api.md, "Limits"); the same for both versions of HTTP.
enum Patience {
    /// From the first byte of a head to its last.
    static let head: UInt32 = 10
    /// For the client to take note of an answer that ends a connection or a stream before its request is complete.
    static let lingering: UInt32 = 3
    /// Between two signs of progress that count, of a body or an answer.
    static let pause: UInt32 = 20
    /// Bytes that count as a second's progress, as a power of two.
    fileprivate static let rate = 13
}

/// How much longer somebody may take to send or to take bytes: each 8 KiB earn a second, of which no more than a pause's worth
/// is kept. So a trickle does not hold memory for long, nor does whoever was fast and then stops.
struct Pace {
    /// Tick of a second at which it has lasted too long.
    private(set) var expiry: UInt32
    /// Bytes that have earned their time.
    private var counted: Int

    /// - Parameter total: Bytes that had passed when the wait began, at `tick`.
    init(at tick: UInt32, total: Int = 0) {
        expiry = Self.latest(tick)
        counted = total
    }

    /// So many bytes have passed by now; seldom noted means that a pause is seen late, after twice its length at most.
    mutating func note(total: Int, at tick: UInt32) {
        let earned = (total - counted) >> Patience.rate
        guard earned > 0 else { return }
        counted += earned << Patience.rate
        expiry = min(Self.latest(tick), expiry &+ UInt32(clamping: min(earned, Int(Patience.pause))))
    }

    /// And the second that has begun.
    private static func latest(_ tick: UInt32) -> UInt32 { tick &+ Patience.pause &+ 1 }
}
