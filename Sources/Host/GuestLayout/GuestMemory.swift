/// The memory of a guest that has not begun or has stopped: two readable ranges of guest addresses, visible to the host.
public struct GuestMemory {
    let main: Window
    let stack: Window
    /// Set after the run of a function that large items were mapped for.
    public var overlay: Overlay?

    /// Guest addresses that show parts of files: what the function left there must be asked for.
    public struct Overlay {
        var isMapped: (_ address: UInt64, _ count: UInt64) -> Bool
        var review: (_ address: UInt64, _ count: UInt64) -> UnsafeMutableRawPointer?

        /// `review` gives the host's view of bytes some of which are mapped, nil when there is none; the bytes stay valid
        /// as those of the windows do.
        public init(
            isMapped: @escaping (_ address: UInt64, _ count: UInt64) -> Bool,
            review: @escaping (_ address: UInt64, _ count: UInt64) -> UnsafeMutableRawPointer?
        ) {
            self.isMapped = isMapped
            self.review = review
        }
    }

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
        guard let bytes = main.bytes(at: address, count: count) ?? stack.bytes(at: address, count: count) else {
            return nil
        }
        guard let overlay, overlay.isMapped(address, count) else { return bytes }
        return overlay.review(address, count)
    }
}
