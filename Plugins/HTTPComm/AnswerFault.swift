/// Why a server's answer is not given to the function, in words for whoever wrote the request.
struct AnswerFault: Error {
    enum Kind { case malformed, tooLarge, noMemory }

    let kind: Kind
    let reason: String

    static func malformed(_ reason: String) -> AnswerFault { AnswerFault(kind: .malformed, reason: reason) }
    static func tooLarge(_ reason: String) -> AnswerFault { AnswerFault(kind: .tooLarge, reason: reason) }
    static let noMemory = AnswerFault(kind: .noMemory, reason: "the node has no memory for the answer")

    /// A few bytes of the answer for a reason, in quotes.
    static func quote(_ bytes: Bytes) -> String {
        let short = bytes.count > 40 ? bytes.part(0..<40) : bytes
        return "'\(ASCII.printable(short))\(bytes.count > 40 ? "…" : "")'"
    }
}

/// What the heads of one hop may take together: interim ones, the final one and the trailers.
struct HeadBudget {
    /// libcurl ends a transfer at 300 KiB of header lines, and at 100 KiB of one line, without saying which; these come
    /// before.
    static let mostBytes = 256 << 10
    static let longestLine = 64 << 10
    static let mostLines = 4096
    static let mostInterims = 32

    private var bytes = 0
    private var lines = 0
    private var interims = 0

    mutating func count(_ line: Int) throws(AnswerFault) {
        guard line <= Self.longestLine else { throw .longLine }
        bytes += line
        lines += 1
        guard bytes <= Self.mostBytes else {
            throw .tooLarge("the answer's header lines are longer than \(Self.mostBytes) bytes together")
        }
        guard lines <= Self.mostLines else {
            throw .tooLarge("the answer has more than \(Self.mostLines) header lines")
        }
    }

    mutating func countInterim() throws(AnswerFault) {
        interims += 1
        guard interims <= Self.mostInterims else {
            throw .tooLarge("the server sent more than \(Self.mostInterims) interim answers (1xx)")
        }
    }
}

extension AnswerFault {
    static let longLine = AnswerFault.tooLarge(
        "a header line of the answer is longer than \(HeadBudget.longestLine) bytes")
}
