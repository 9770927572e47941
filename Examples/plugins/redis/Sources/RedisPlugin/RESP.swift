/// A command being written as an array of bulk strings.
struct Wire {
    private var bytes: [UInt8] = []
    private var count = 0
    /// Room for the array's head, whose length is known at the end.
    private static let head = 16

    init(capacity: Int) {
        bytes.reserveCapacity(capacity + 128)
        bytes.append(contentsOf: repeatElement(0, count: Self.head))
    }

    mutating func append(_ argument: UnsafeBufferPointer<UInt8>) {
        count += 1
        bytes.append(UInt8(ascii: "$"))
        Self.append(argument.count, to: &bytes)
        bytes.append(contentsOf: argument)
        bytes.append(13)
        bytes.append(10)
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(48 + number / divisor % 10))
            divisor /= 10
        }
        bytes.append(13)
        bytes.append(10)
    }

    consuming func finished() -> [UInt8] {
        var head: [UInt8] = [UInt8(ascii: "*")]
        Self.append(count, to: &head)
        bytes.replaceSubrange(0..<Self.head, with: head)
        return bytes
    }
}

/// RESP3, Redis' protocol (its documentation, "Redis serialization protocol specification").
enum RESP {
    static func command(_ words: [String]) -> [UInt8] {
        var wire = Wire(capacity: 128)
        for word in words {
            Array(word.utf8).withUnsafeBufferPointer { wire.append($0) }
        }
        return wire.finished()
    }

    /// What a server sent is no RESP.
    struct Broken: Error {}

    /// What a reply is, and its bytes: the content of scalars, the wire form of aggregates.
    struct Reply {
        var kind: StaticString
        var content: UnsafeRawBufferPointer
    }

    /// `whole` is one reply that a `ReplyScanner` has found complete.
    static func reply(_ whole: UnsafeRawBufferPointer) throws(Broken) -> Reply {
        guard let type = whole.first, let line = ReplyScanner.line(whole, from: 0) else { throw Broken() }
        let text = UnsafeRawBufferPointer(rebasing: whole[1..<line])
        switch type {
        case UInt8(ascii: "+"): return Reply(kind: "simple", content: text)
        case UInt8(ascii: "-"): return Reply(kind: "error", content: text)
        case UInt8(ascii: ":"): return Reply(kind: "integer", content: text)
        case UInt8(ascii: ","): return Reply(kind: "double", content: text)
        case UInt8(ascii: "("): return Reply(kind: "number", content: text)
        case UInt8(ascii: "#"): return Reply(kind: "boolean", content: text)
        case UInt8(ascii: "_"): return Reply(kind: "null", content: UnsafeRawBufferPointer(rebasing: whole[0..<0]))
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
            guard text.first != UInt8(ascii: "-") else {
                return Reply(kind: "null", content: UnsafeRawBufferPointer(rebasing: whole[0..<0]))
            }
            let body = UnsafeRawBufferPointer(rebasing: whole[(line + 2)..<(whole.count - 2)])
            let kind: StaticString =
                type == UInt8(ascii: "$") ? "string" : type == UInt8(ascii: "=") ? "verbatim" : "error"
            return Reply(kind: kind, content: body)
        case UInt8(ascii: "*") where text.first == UInt8(ascii: "-"):
            return Reply(kind: "null", content: UnsafeRawBufferPointer(rebasing: whole[0..<0]))
        case UInt8(ascii: "*"): return Reply(kind: "array", content: whole)
        case UInt8(ascii: "~"): return Reply(kind: "set", content: whole)
        case UInt8(ascii: "%"): return Reply(kind: "map", content: whole)
        case UInt8(ascii: "|"): return Reply(kind: "attributed", content: whole)
        default: throw Broken()
        }
    }
}

/// Finds the end of one reply in bytes that come piece by piece; goes on where it stopped.
struct ReplyScanner {
    /// Bytes that are known to belong to the reply.
    private(set) var offset = 0
    /// Of each open aggregate: how many elements are missing.
    private var open: [Int] = []
    private static let deepest = 128
    private static let longestLine = 64 << 10

    /// The offset of the CR of the line that begins at `start`.
    static func line(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var at = start
        while at + 1 < bytes.count {
            if bytes[at] == 13, bytes[at + 1] == 10 { return at }
            at += 1
        }
        return nil
    }

    /// `bytes` begins with the reply. True: it is whole, and `offset` is its length.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) throws(RESP.Broken) -> Bool {
        repeat {
            guard let end = Self.line(bytes, from: offset) else {
                guard bytes.count - offset <= Self.longestLine else { throw RESP.Broken() }
                return false
            }
            guard end - offset <= Self.longestLine, end > offset else { throw RESP.Broken() }
            let type = bytes[offset]
            switch type {
            case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: ","),
                UInt8(ascii: "#"), UInt8(ascii: "("):
                offset = end + 2
                close()
            case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
                let length = try Self.number(bytes, offset + 1, end)
                guard length >= 0 else {
                    offset = end + 2
                    close()
                    continue
                }
                guard bytes.count - (end + 2) >= 2, length <= bytes.count - (end + 2) - 2 else { return false }
                let tail = end + 2 + length
                guard bytes[tail] == 13, bytes[tail + 1] == 10 else { throw RESP.Broken() }
                offset = tail + 2
                close()
            case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: "|"):
                let count = try Self.number(bytes, offset + 1, end)
                offset = end + 2
                // An attribute stands before the value that it is about.
                let elements = type == UInt8(ascii: "%") ? count * 2 : type == UInt8(ascii: "|") ? count * 2 + 1 : count
                if elements > 0 {
                    guard open.count < Self.deepest else { throw RESP.Broken() }
                    open.append(elements)
                } else {
                    close()
                }
            default: throw RESP.Broken()
            }
        } while !open.isEmpty
        return true
    }

    /// An element has ended, and with it perhaps those around it.
    private mutating func close() {
        while let missing = open.popLast() {
            if missing > 1 {
                open.append(missing - 1)
                return
            }
        }
    }

    /// A count or length, -1 for null; at most 2^31.
    private static func number(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) throws(RESP.Broken) -> Int {
        if end - start == 2, bytes[start] == UInt8(ascii: "-"), bytes[start + 1] == UInt8(ascii: "1") { return -1 }
        guard end > start, end - start <= 10 else { throw RESP.Broken() }
        var value = 0
        for at in start..<end {
            let digit = Int(bytes[at]) - 48
            guard digit >= 0, digit <= 9 else { throw RESP.Broken() }
            value = value * 10 + digit
        }
        guard value <= Int(Int32.max) else { throw RESP.Broken() }
        return value
    }
}
