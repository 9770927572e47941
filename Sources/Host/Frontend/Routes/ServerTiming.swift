internal import Dispatcher

extension InvocationTimeline {
    /// Value of the field Server-Timing (W3C Server Timing), where the time of an invocation went (paper, table 1): stages in
    /// milliseconds, then counts.
    func write(to text: inout ByteWriter) {
        text.stage("queue;dur=", queue)
        text.stage(", load;dur=", load)
        text.stage(", input;dur=", input)
        text.stage(", run;dur=", run)
        text.stage(", output;dur=", output)
        text.stage(", communication;dur=", communication)
        text.stage(", total;dur=", total)
        text.put(", sandboxes;desc=")
        text.put(decimal: UInt64(clamping: sandboxes))
        text.put(", requests;desc=")
        text.put(decimal: UInt64(clamping: requests))
    }

    /// What `write` writes, in bytes: 152 of names, and nine numbers of at most 20 digits.
    static let longestText = 384

    var serverTiming: String {
        String(unsafeUninitializedCapacity: Self.longestText) { buffer in
            // SAFETY: the buffer has room for the longest text.
            var text = ByteWriter(UnsafeMutableRawPointer(buffer.baseAddress.unsafelyUnwrapped))
            write(to: &text)
            return text.count
        }
    }
}

extension ByteWriter {
    /// Nanoseconds as milliseconds with three decimals.
    fileprivate mutating func stage(_ name: StaticString, _ time: UInt64) {
        put(name)
        let (milliseconds, rest) = (time / 1000).quotientAndRemainder(dividingBy: 1000)
        put(decimal: milliseconds)
        put(UInt8(ascii: "."))
        put(digit: rest / 100)
        put(digit: rest / 10 % 10)
        put(digit: rest % 10)
    }
}
