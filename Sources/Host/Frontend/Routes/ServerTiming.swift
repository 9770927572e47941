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
    private let start: UnsafeMutablePointer<UInt8>
    private var next: UnsafeMutablePointer<UInt8>
    var count: Int { next - start }

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        // SAFETY: the buffer is not empty, and what is written is no longer than `longestTiming`, its length.
        start = buffer.baseAddress.unsafelyUnwrapped
        next = start
    }

    mutating func add(_ text: StaticString) {
        next.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        next += text.utf8CodeUnitCount
    }

    mutating func add(_ number: UInt64) {
        if number >= 10 { add(number / 10) }
        put(number % 10)
    }

    /// Nanoseconds as milliseconds with three decimals.
    mutating func stage(_ name: StaticString, _ time: UInt64) {
        add(name)
        let (milliseconds, rest) = (time / 1000).quotientAndRemainder(dividingBy: 1000)
        add(milliseconds)
        next.pointee = UInt8(ascii: ".")
        next += 1
        put(rest / 100)
        put(rest / 10 % 10)
        put(rest % 10)
    }

    private mutating func put(_ digit: UInt64) {
        next.pointee = ASCII.zero &+ UInt8(truncatingIfNeeded: digit)
        next += 1
    }
}
