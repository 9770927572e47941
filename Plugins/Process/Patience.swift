/// How long a zygote or a child may take to get ready before the sandbox counts as broken. Counted by the waits that went by
/// and not by the clock: when the whole machine stood still for seconds, nobody had a chance.
struct Patience {
    /// Nanoseconds.
    static let step: UInt64 = 20_000_000
    static let seconds: UInt64 = 20
    private var left = seconds &* 1_000_000_000 / step

    /// False when there is no more.
    mutating func takeStep() -> Bool {
        guard left > 0 else { return false }
        left &-= 1
        return true
    }
}
