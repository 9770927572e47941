import PluginABI

/// A request, parsed: `SERVER COMMAND [ARGUMENT]...`, and behind the line's end a last argument of any bytes.
///
/// Arguments are words between blanks; `"..."` keeps blanks, with `\"`, `\\`, `\n`, `\r` and `\xNN` in it. The word `$`
/// is the place of the bytes behind the line; without it they are the last argument.
struct Command {
    let server: Int
    /// As written; leads into the item.
    let name: UnsafeBufferPointer<UInt8>
    let isReading: Bool
    /// The command as RESP, ready to be sent.
    let wire: [UInt8]
    /// Where the bytes behind the first line begin.
    let bodyOffset: Int

    init(_ item: dn_bytes, _ instance: Instance) throws(Refusal) {
        let bytes = UnsafeBufferPointer(start: item.data, count: Int(clamping: item.len))
        var words = Words(bytes)
        guard let serverWord = try words.next() else {
            throw Refusal(DN_BAD_INPUT, "the request is empty: SERVER COMMAND [ARGUMENT]... is wanted", at: 0)
        }
        guard let server = instance.servers.firstIndex(where: { $0.isNamed(serverWord.bytes) }) else {
            let name = String(decoding: serverWord.bytes.prefix(100), as: UTF8.self)
            throw Refusal(DN_PERMISSION, "server '\(name)' is not one that the operator allows", at: serverWord.offset)
        }
        guard let command = try words.next() else {
            throw Refusal(DN_BAD_INPUT, "the command is missing behind the server", at: words.offset)
        }
        let rule = instance.rules[CommandName(command.bytes)]
        guard let rule, rule != .never else {
            let name = String(decoding: command.bytes.prefix(100), as: UTF8.self).uppercased()
            let why =
                rule == .never ? "changes or blocks a connection that requests share" : "is not allowed"
            throw Refusal(DN_PERMISSION, "\(name) \(why)", at: command.offset)
        }
        let body = words.body
        var wire = Wire(capacity: bytes.count)
        wire.append(command.bytes)
        var hasPlace = false
        while let word = try words.next() {
            guard word.isPlace else {
                wire.append(word.bytes)
                continue
            }
            guard !hasPlace else {
                throw Refusal(DN_BAD_INPUT, "a second '$'; write \"$\" for the letter", at: word.offset)
            }
            guard let body else {
                throw Refusal(
                    DN_BAD_INPUT, "'$' stands for what is behind the first line, which has no end", at: words.offset)
            }
            hasPlace = true
            wire.append(body)
        }
        if let body, !hasPlace { wire.append(body) }
        self.server = server
        name = command.bytes
        isReading = rule == .reading
        bodyOffset = bytes.count - (body?.count ?? 0)
        self.wire = wire.finished()
    }
}

/// Cuts the first line of a request into words.
private struct Words: ~Copyable {
    struct Word {
        /// In the item, or in `unescaped`: valid while the Words live.
        let bytes: UnsafeBufferPointer<UInt8>
        let offset: Int
        /// An unquoted `$`.
        let isPlace: Bool
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private let lineEnd: Int
    private(set) var offset = 0
    /// What is behind the line's end; nil when it has none.
    let body: UnsafeBufferPointer<UInt8>?
    /// Words with escapes, decoded.
    private var unescaped: [UnsafeMutableBufferPointer<UInt8>] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
            body = UnsafeBufferPointer(rebasing: bytes[(end + 1)...])
            lineEnd = end > 0 && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
        } else {
            body = nil
            lineEnd = bytes.count
        }
    }

    deinit { for word in unescaped { word.deallocate() } }

    mutating func next() throws(Refusal) -> Word? {
        while offset < lineEnd, bytes[offset] == UInt8(ascii: " ") { offset += 1 }
        guard offset < lineEnd else { return nil }
        let start = offset
        if bytes[offset] == UInt8(ascii: "\"") { return Word(bytes: try quoted(), offset: start, isPlace: false) }
        while offset < lineEnd, bytes[offset] != UInt8(ascii: " ") { offset += 1 }
        let word = UnsafeBufferPointer(rebasing: bytes[start..<offset])
        return Word(bytes: word, offset: start, isPlace: word.count == 1 && word[0] == UInt8(ascii: "$"))
    }

    private mutating func quoted() throws(Refusal) -> UnsafeBufferPointer<UInt8> {
        let start = offset
        var word: [UInt8] = []
        offset += 1
        while offset < lineEnd {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard offset == lineEnd || bytes[offset] == UInt8(ascii: " ") else {
                    throw Refusal(DN_BAD_INPUT, "a blank is wanted behind a closing quote", at: offset)
                }
                return keep(word)
            case UInt8(ascii: "\\"): word.append(try escaped())
            default: word.append(byte)
            }
        }
        throw Refusal(DN_BAD_INPUT, "the quote is not closed on the first line", at: start)
    }

    private mutating func keep(_ word: [UInt8]) -> UnsafeBufferPointer<UInt8> {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: word.count)
        _ = copy.initialize(from: word)
        unescaped.append(copy)
        return UnsafeBufferPointer(copy)
    }

    private mutating func escaped() throws(Refusal) -> UInt8 {
        let place = offset - 1
        guard offset < lineEnd else { throw Refusal(DN_BAD_INPUT, "nothing is behind the backslash", at: place) }
        offset += 1
        switch bytes[offset - 1] {
        case UInt8(ascii: "\""): return UInt8(ascii: "\"")
        case UInt8(ascii: "\\"): return UInt8(ascii: "\\")
        case UInt8(ascii: "n"): return UInt8(ascii: "\n")
        case UInt8(ascii: "r"): return UInt8(ascii: "\r")
        case UInt8(ascii: "x"):
            if offset + 2 <= lineEnd,
                let value = UInt8(String(decoding: bytes[offset..<offset + 2], as: UTF8.self), radix: 16)
            {
                offset += 2
                return value
            }
        default: break
        }
        throw Refusal(DN_BAD_INPUT, #"\ is followed by ", \, n, r or xNN"#, at: place)
    }
}
