internal import PluginKit

/// An answer while it arrives, kept as one text so that either signature's items are parts of it:
///
///     HTTP/1.1 200 OK\n       headers (first signature)      response (second signature)
///     key:value\n             headers                        response
///     \n                                                     response
///     body                    bodies                         response, and body
struct Response: ~Copyable {
    private enum Part { case statusLine, fields, body }

    private var text: ByteBuffer
    private let charge: HostCharge
    /// Bytes of header lines that libcurl keeps, and how much of that is charged.
    private var kept = 0
    private var keptCharged = 0
    private var part = Part.statusLine
    private var speech = AnswerHead.Speech.either
    private var lines: AnswerHead?
    private var framing = AnswerHead.Framing.none
    private var budget = HeadBudget()
    private var chunks = ChunkReader()
    private var headCount = 0
    private var limit = 0
    /// Why receiving was stopped.
    private(set) var fault: AnswerFault?

    /// Storage that is kept for the next answer.
    static let keptCapacity = 16 << 10
    /// A server's announcement reserves no more than this at once.
    private static let maxReserve = 16 << 20
    /// What libcurl takes for a header line beside its bytes.
    private static let lineOverhead = 128

    init(_ charge: HostCharge) {
        self.charge = charge
        text = ByteBuffer(charge)
    }

    /// Of the head under way or received, 0 before.
    var status: Int32 { lines?.status ?? 0 }
    /// Status line and headers, without the empty line.
    var head: Bytes { text.bytes.part(0..<headCount) }
    /// Everything.
    var whole: Bytes { text.bytes }
    var body: Bytes { text.bytes.part(min(headCount + 1, text.count)..<text.count) }
    var isHeadComplete: Bool { part == .body }
    var isHTTP1: Bool { lines.map { $0.version != .http2 } ?? false }

    /// Makes ready for an answer whose text may be `limit` bytes long.
    mutating func begin(limit: Int, _ speech: AnswerHead.Speech) {
        self.limit = limit
        self.speech = speech
        fault = nil
        budget = HeadBudget()
        kept = 0
        restart()
    }

    /// Gives up storage that only large answers need, to be freed by the caller; the charge has been settled.
    mutating func end() -> (base: UnsafeMutablePointer<UInt8>, capacity: Int)? {
        text.forgetCharge()
        keptCharged = 0
        return text.takeStorage(keeping: Self.keptCapacity)
    }

    private mutating func restart() {
        text.clear()
        part = .statusLine
        lines = nil
        framing = .none
        headCount = 0
    }

    /// Takes a line of a head or an HTTP/2 trailer, its end included, as libcurl gives it. False stops the transfer.
    mutating func takeHead(_ line: Bytes, isHead: Bool) -> Bool {
        do throws(AnswerFault) {
            try budget.count(line.count)
            try chargeKept(line.count)
            let line = try Self.withoutEnd(line)
            switch part {
            case .statusLine: try takeStatusLine(line)
            case .fields where line.isEmpty: try endHead(isHead: isHead)
            case .fields: try takeField(line)
            // HTTP/2 gives its trailers here; they are left out.
            case .body: if !line.isEmpty { _ = try AnswerHead.field(line) }
            }
            return true
        } catch {
            fault = error
            return false
        }
    }

    /// Takes bytes behind the head, chunked if the server chunks. False stops the transfer.
    mutating func takeBody(_ bytes: Bytes) -> Bool {
        do throws(AnswerFault) {
            guard case .chunked = framing else {
                try append(bytes)
                return true
            }
            var index = 0
            while let data = try chunks.next(in: bytes, from: &index) { try append(data) }
            return true
        } catch {
            fault = error
            return false
        }
    }

    /// What a transfer that libcurl takes for complete lacks.
    var shortcoming: AnswerFault? {
        guard isHeadComplete else { return .malformed("the answer ends before its header lines do") }
        if case .chunked = framing, !chunks.isDone { return .malformed("the chunked body ends before its last chunk") }
        return nil
    }

    /// libcurl keeps each line until the hop's end.
    private mutating func chargeKept(_ line: Int) throws(AnswerFault) {
        kept += line + Self.lineOverhead
        guard kept > keptCharged + Transfer.footprint / 4 else { return }
        guard charge.take(kept - keptCharged) else { throw .noMemory }
        keptCharged = kept
    }

    // MARK: the head

    private static func withoutEnd(_ line: Bytes) throws(AnswerFault) -> Bytes {
        var count = line.count
        if count > 0, line[count - 1] == ASCII.lf { count -= 1 }
        if count > 0, line[count - 1] == ASCII.cr { count -= 1 }
        // libcurl takes a line that begins with one for the head's end.
        guard line.firstIndex(of: ASCII.cr, in: 0..<count) == nil else {
            throw .malformed("a header line has a carriage return inside")
        }
        return line.part(0..<count)
    }

    private mutating func takeStatusLine(_ line: Bytes) throws(AnswerFault) {
        let lines = try AnswerHead(statusLine: line, speech)
        let parsed = try AnswerHead.parse(line)
        self.lines = lines
        part = .fields
        switch parsed.version {
        case .http10: try append("HTTP/1.0 ")
        case .http11: try append("HTTP/1.1 ")
        case .http2: try append("HTTP/2.0 ")
        }
        try append(parsed.code)
        try append(" ")
        if parsed.reason.isEmpty { try append(Reason.phrase(lines.status)) } else { try appendTabless(parsed.reason) }
        try append("\n")
    }

    private mutating func takeField(_ line: Bytes) throws(AnswerFault) {
        switch try lines?.take(line) {
        case .field(let name, let value):
            try appendLowered(name)
            try append(":")
            try appendTabless(value)
            try append("\n")
        case .folded(let more):
            text.removeLast()
            try append(" ")
            try appendTabless(more)
            try append("\n")
        case .repeated, nil: break
        }
    }

    private mutating func endHead(isHead: Bool) throws(AnswerFault) {
        guard let lines else { return }
        framing = try lines.end(isHead: isHead)
        guard !lines.isInterim else {
            // The real answer follows (RFC 9110 section 15.2).
            try budget.countInterim()
            return restart()
        }
        headCount = text.count
        part = .body
        try append("\n")
        if case .chunked = framing { chunks.restart() }
        guard case .length(let length) = framing else { return }
        guard length <= limit - text.count else { throw tooLong }
        guard text.reserve(min(length, Self.maxReserve)) else { throw .noMemory }
    }

    // MARK: the text

    private var tooLong: AnswerFault { .tooLarge("the answer is longer than the limit of \(limit) bytes") }

    private mutating func append(_ bytes: Bytes) throws(AnswerFault) {
        guard bytes.count <= limit - text.count else { throw tooLong }
        guard text.append(bytes) else { throw .noMemory }
    }

    private mutating func append(_ text: StaticString) throws(AnswerFault) {
        try append(Bytes(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func appendLowered(_ bytes: Bytes) throws(AnswerFault) {
        let start = text.count
        try append(bytes)
        text.replace(from: start) { ASCII.lower($0) }
    }

    /// Tabs inside a value mean what spaces do (RFC 9110 section 5.5).
    private mutating func appendTabless(_ bytes: Bytes) throws(AnswerFault) {
        let start = text.count
        try append(bytes)
        text.replace(from: start) { $0 == ASCII.tab ? ASCII.space : $0 }
    }
}
