internal import Failure
internal import GuestLayout

extension Failure {
    /// What is kept of each of a function's standard streams when it dies, bytes.
    static let streamTail = 64 << 10

    /// The same with what the function wrote before it died, as the facts `stdout` and `stderr`.
    func with(_ streams: GuestStreams) -> Failure {
        var failure = self
        for (name, bytes) in [("stdout", streams.output), ("stderr", streams.error)] where !bytes.isEmpty {
            failure.facts.append(.init(name, Self.text(bytes)))
        }
        return failure
    }

    /// Bytes that are no UTF-8 become U+FFFD, but for the rest of a character that the tail's beginning has cut.
    private static func text(_ bytes: [UInt8]) -> String {
        let cut = bytes.count == streamTail ? bytes.prefix(3).prefix { $0 & 0xC0 == 0x80 }.count : 0
        return String(decoding: bytes[cut...], as: UTF8.self)
    }
}
