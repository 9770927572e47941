/// A server's answer.
public struct HTTPReply {
    public var status: Int
    public var reason: String
    /// Names in lower case.
    public var fields: [(name: String, value: String)]
    public var body: [UInt8]

    /// The first field of a name in lower case.
    public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    public var isSuccess: Bool { (200...299).contains(status) }
}

/// Reads one HTTP/1.1 reply out of a stream.
public struct HTTPReplyReader {
    public struct Malformed: Error, Equatable {
        public var reason: String
    }

    /// Longer heads are refused.
    private static let longestHead = 1 << 16

    private let more: () -> [UInt8]
    private var buffer: [UInt8] = []
    private var position = 0

    private let longest: Int

    /// `more` gives the next bytes, none at the end. An answer of more than `longest` bytes is refused.
    public init(longest: Int = .max, more: @escaping () -> [UInt8]) {
        self.longest = longest
        self.more = more
    }

    public mutating func reply() throws(Malformed) -> HTTPReply {
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
            while try fill() {}
            reply.body = try take(buffer.count - position)
        }
        return reply
    }

    private mutating func head() throws(Malformed) -> HTTPReply {
        let words = try line().split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]), (100...599).contains(status)
        else {
            throw Malformed(reason: "the answer is not HTTP")
        }
        var reply = HTTPReply(status: status, reason: words.count > 2 ? String(words[2]) : "", fields: [], body: [])
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
            guard try fill() else { throw Malformed(reason: "the connection ended within the answer") }
        }
    }

    private mutating func take(_ count: Int) throws(Malformed) -> [UInt8] {
        while buffer.count - position < count {
            guard try fill() else { throw Malformed(reason: "the connection ended within the answer") }
        }
        defer { position += count }
        return Array(buffer[position..<position + count])
    }

    /// False at the end of the stream.
    private mutating func fill() throws(Malformed) -> Bool {
        let bytes = more()
        if bytes.isEmpty { return false }
        guard buffer.count + bytes.count <= longest else {
            throw Malformed(reason: "the answer is longer than \(longest) bytes")
        }
        buffer += bytes
        return true
    }
}
