/// The table `[durable]`: invocations that outlive their caller (decision 0039).
public struct DurableSettings: Sendable {
    /// Whether there are any.
    public var enabled = true
    /// Nanoseconds for which results are kept.
    public var keep: UInt64 = 24 * 3_600_000_000_000
    /// Nanoseconds for which dead letters are kept.
    public var keepDead: UInt64 = 7 * 24 * 3_600_000_000_000
    /// Nanoseconds for which idempotency keys are kept.
    public var keepKeys: UInt64 = 24 * 3_600_000_000_000
    /// Bytes of inputs and results; a tenant may have half.
    public var maxSize: UInt64 = 4 << 30
    /// Bytes of one input or result.
    public var maxPayload: UInt64 = 64 << 20
    /// Invocations that wait or run.
    public var maxOpen = 1_000_000
    /// Under way at once.
    public var running = 64
    /// Attempts of one invocation.
    public var attempts = 8
    /// Nanoseconds before the second attempt, twice as many before each that follows.
    public var firstPause: UInt64 = 1_000_000_000
    public var longestPause: UInt64 = 300_000_000_000

    public init() {}
}

extension Decode {
    func durableSettings(_ table: TableReader) -> DurableSettings {
        var settings = DurableSettings()
        let kept: ClosedRange<UInt64> = Self.second...90 * Self.day
        settings.enabled = table.boolean("enabled", default: settings.enabled)
        settings.keep = table.time("keep", in: kept, default: settings.keep)
        settings.keepDead = table.time("keep_dead", in: kept, default: settings.keepDead)
        settings.keepKeys = table.time("keep_keys", in: kept, default: settings.keepKeys)
        settings.maxSize = table.size("max_size", in: 1 << 20...1 << 44, default: settings.maxSize)
        settings.maxPayload = table.size("max_payload", in: 1 << 10...512 << 20, default: settings.maxPayload)
        settings.maxOpen = Int(table.integer("max_open", in: 1...100_000_000, default: Int64(settings.maxOpen)))
        settings.running = Int(table.integer("running", in: 1...4096, default: Int64(settings.running)))
        settings.attempts = Int(table.integer("attempts", in: 1...1000, default: Int64(settings.attempts)))
        settings.firstPause = table.time(
            "first_pause", in: Self.millisecond...Self.hour, default: settings.firstPause)
        settings.longestPause = table.time(
            "longest_pause", in: Self.millisecond...Self.day, default: settings.longestPause)
        table.finish()
        return settings
    }
}
