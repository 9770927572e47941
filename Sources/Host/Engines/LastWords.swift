internal import Failure
internal import GuestLayout
internal import PluginHost

/// What a function that has run tells of its end, read from its memory.
struct LastWords {
    let memory: GuestMemory
    let entryBlock: UInt64
    let pointerBytes: Int

    /// What is kept of each of a function's standard streams when it dies, bytes.
    static let streamTail = 64 << 10
    /// Of a failure's message, what is worth saying in the one sentence; all of it is a fact.
    private static let longestSaid = 1 << 10

    /// - Throws: what ended the run otherwise than by leaving, or the failure that the function left with.
    func check(_ result: RunResult, function: String) throws(Failure) {
        if let failure = result.failure(function: function) { throw failure }
        guard let told = memory.failure(entryBlock: entryBlock, pointerBytes: pointerBytes) else { return }
        let said = [told.type, Array(told.message.prefix(Self.longestSaid))].filter { !$0.isEmpty }
        throw Failure(
            .functionFailed,
            (["function '\(function)' failed"] + said.map { Self.text($0) }).joined(separator: ": "),
            [.init("function", function)])
    }

    /// A failure with what the function wrote and told before its end, as the facts `exception`, `message`, `traceback`,
    /// `stdout` and `stderr`.
    func added(to failure: Failure) -> Failure {
        var failure = failure
        let report = memory.report(entryBlock: entryBlock, pointerBytes: pointerBytes, most: Self.streamTail)
        let texts = [
            ("exception", report.failure?.type ?? [], Int.max), ("message", report.failure?.message ?? [], Int.max),
            ("traceback", report.failure?.trace ?? [], GuestFailure.mostTrace),
            ("stdout", report.output, Self.streamTail), ("stderr", report.error, Self.streamTail),
        ]
        for (name, bytes, most) in texts where !bytes.isEmpty {
            failure.facts.append(.init(name, Self.text(bytes, mayBeCut: bytes.count == most)))
        }
        return failure
    }

    /// Bytes that are no UTF-8 become U+FFFD, but for the rest of a character that a tail's beginning has cut.
    private static func text(_ bytes: [UInt8], mayBeCut: Bool = false) -> String {
        let cut = mayBeCut ? bytes.prefix(3).prefix { $0 & 0xC0 == 0x80 }.count : 0
        return String(decoding: bytes[cut...], as: UTF8.self)
    }
}
