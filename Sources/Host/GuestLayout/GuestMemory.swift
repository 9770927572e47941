/// The memory of a guest that has not begun or has stopped: two readable ranges of guest addresses, visible to the host.
public struct GuestMemory {
    let main: Window
    let stack: Window

    /// A range of guest addresses and where the host sees it.
    public struct Window {
        /// Where the host sees guest address `low`.
        var base: UnsafeMutableRawPointer
        var low: UInt64
        var high: UInt64

        /// `base` must be valid for `high - low` bytes while the memory is used. An empty range has `low >= high`.
        public init(base: UnsafeMutableRawPointer, low: UInt64, high: UInt64) {
            self.base = base
            self.low = low
            self.high = high
        }

        /// The host's view of a part, nil when it is not wholly inside.
        func bytes(at address: UInt64, count: UInt64) -> UnsafeMutableRawPointer? {
            let (end, overflow) = address.addingReportingOverflow(count)
            guard !overflow, address >= low, end <= high else { return nil }
            // SAFETY: low <= address <= high, and base is valid for high - low bytes.
            return base + Int(truncatingIfNeeded: address &- low)
        }
    }

    /// The stack may lie inside the main range, or be nil when the guest has none that can be read.
    public init(main: Window, stack: Window? = nil) {
        self.main = main
        self.stack = stack ?? Window(base: main.base, low: 0, high: 0)
    }

    /// The host's view of `count` bytes at a guest address, nil when they are not wholly in one of the ranges.
    public func bytes(at address: UInt64, count: UInt64) -> UnsafeMutableRawPointer? {
        main.bytes(at: address, count: count) ?? stack.bytes(at: address, count: count)
    }
}
