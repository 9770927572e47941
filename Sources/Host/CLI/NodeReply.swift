/// A node's answer.
struct NodeReply {
    var status: Int
    var reason: String
    /// Names in lower case.
    var fields: [(name: String, value: String)]
    var body: [UInt8]

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    var isSuccess: Bool { (200...299).contains(status) }
}

/// Reads one HTTP/1.1 reply out of a stream.
struct NodeReplyReader {
    struct Malformed: Error, Equatable {
        var reason: String
    }

    /// Longer heads are refused.
    private static let longestHead = 1 << 16

    private let more: () -> [UInt8]
    private var buffer: [UInt8] = []
    private var position = 0

    /// `more` gives the next bytes, none at the end.
    init(more: @escaping () -> [UInt8]) {
        self.more = more
    }

    mutating func reply() throws(Malformed) -> NodeReply {
        var reply = try head()
        // 1xx replies come before the one that counts.
        while (100...199).contains(reply.status) { reply = try head() }
        if reply.status == 204 || reply.status == 304 { return reply }
        if let coding = reply["transfer-encoding"] {
            guard coding.lowercased() == "chunked" else {
                throw Malformed(reason: "unknown transfer coding '\(coding)'")
            }
            reply.body = try chunks()
        } else if let length = reply["content-length"] {
            guard let count = Int(length), count >= 0 else { throw Malformed(reason: "bad Content-Length '\(length)'") }
            reply.body = try take(count)
        } else {
            while fill() {}
            reply.body = try take(buffer.count - position)
        }
        return reply
    }

    private mutating func head() throws(Malformed) -> NodeReply {
        let words = try line().split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]), (100...599).contains(status)
        else {
            throw Malformed(reason: "the answer is not HTTP")
        }
        var reply = NodeReply(status: status, reason: words.count > 2 ? String(words[2]) : "", fields: [], body: [])
        while true {
            let field = try line()
            if field.isEmpty { return reply }
            guard let colon = field.firstIndex(of: ":") else { throw Malformed(reason: "a header line without ':'") }
            let value = field[field.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            reply.fields.append((field[..<colon].lowercased(), String(value)))
        }
    }

    private mutating func chunks() throws(Malformed) -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let size = try line().prefix { $0 != ";" && $0 != " " }
            guard let count = Int(size, radix: 16), count >= 0, count <= 1 << 40 else {
                throw Malformed(reason: "bad chunk size '\(size)'")
            }
            if count == 0 { break }
            body += try take(count)
            guard try line().isEmpty else { throw Malformed(reason: "a chunk is longer than its size") }
        }
        while try !line().isEmpty {}
        return body
    }

    /// The next line without its end.
    private mutating func line() throws(Malformed) -> String {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                let line = buffer[position..<end]
                position = end + 1
                return String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
            }
            searched = buffer.count
            guard buffer.count - position <= Self.longestHead else {
                throw Malformed(reason: "a header line is too long")
            }
            guard fill() else { throw Malformed(reason: "the connection ended within the answer") }
        }
    }

    private mutating func take(_ count: Int) throws(Malformed) -> [UInt8] {
        while buffer.count - position < count {
            guard fill() else { throw Malformed(reason: "the connection ended within the answer") }
        }
        defer { position += count }
        return Array(buffer[position..<position + count])
    }

    /// False at the end of the stream.
    private mutating func fill() -> Bool {
        let bytes = more()
        if bytes.isEmpty { return false }
        buffer += bytes
        return true
    }
}
