internal import Dispatcher

extension Response {
    /// Tells where the time of an invocation went (paper, table 1).
    mutating func add(_ timeline: InvocationTimeline) {
        fields.append(Field(name: "server-timing", value: timeline.serverTiming))
    }
}

extension InvocationTimeline {
    /// Value of the field Server-Timing (W3C Server Timing): stages in milliseconds, then counts.
    fileprivate var serverTiming: String {
        // Every reply has it, so it is written into one string instead of put together from many.
        String(unsafeUninitializedCapacity: Self.longestTiming) { buffer in
            var text = TimingText(buffer)
            text.stage("queue;dur=", queue)
            text.stage(", load;dur=", load)
            text.stage(", input;dur=", input)
            text.stage(", run;dur=", run)
            text.stage(", output;dur=", output)
            text.stage(", communication;dur=", communication)
            text.stage(", total;dur=", total)
            text.add(", sandboxes;desc=")
            text.add(UInt64(clamping: sandboxes))
            text.add(", requests;desc=")
            text.add(UInt64(clamping: requests))
            return text.count
        }
    }

    /// 152 bytes of names, and nine numbers of at most 20 digits.
    private static let longestTiming = 384
}

/// ASCII text in a buffer that is long enough.
private struct TimingText {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { self.buffer = buffer }

    mutating func add(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { put(text.utf8Start[index]) }
    }

    mutating func add(_ number: UInt64) {
        if number >= 10 { add(number / 10) }
        put(UInt8(ascii: "0") + UInt8(number % 10))
    }

    /// Nanoseconds as milliseconds with three decimals.
    mutating func stage(_ name: StaticString, _ time: UInt64) {
        add(name)
        let microseconds = time / 1000
        add(microseconds / 1000)
        put(UInt8(ascii: "."))
        for unit in [100, 10, 1] as [UInt64] { put(UInt8(ascii: "0") + UInt8(microseconds / unit % 10)) }
    }

    private mutating func put(_ byte: UInt8) {
        guard count < buffer.count else { return }
        buffer[count] = byte
        count += 1
    }
}
