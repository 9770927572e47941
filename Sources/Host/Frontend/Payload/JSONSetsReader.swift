internal import Config
internal import Failure
internal import Items
internal import Memory
internal import Values

/// Reads item sets from JSON: `{"sets": [{"name": …, "items": [{"ident": …, "key": …, "data": base64 or "text": string}]}]}`.
///
/// A step at a time, so that a long body does not keep its thread from others'. Unknown and repeated members are refused:
/// each would be a mistake unseen. `null` stands for an absent member. Text without escapes is a view of the body.
struct JSONSetsReader: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the scanner's pointer is to `body`'s bytes, which nobody writes; one thread at a time
    // reads on.
    private enum Stage { case document, set, member, item, memberEnd, documentEnd, done }

    private let body: Blob
    private var scanner: JSONScanner
    private var arena: DecodeArena
    private var counter: ItemCounter
    private var stage = Stage.document
    private var sets: [ItemSet] = []
    /// The set that is being read.
    private var name: Blob?
    private var items: [Item]?

    /// Names are compared with the members that there are, of which none is longer.
    private static let longestMember = 64

    init(_ body: Blob, _ account: MemoryAccount) {
        self.body = body
        scanner = JSONScanner(Bytes(start: body.start, count: body.count))
        arena = DecodeArena(account)
        counter = ItemCounter(account)
    }

    /// The whole of a body. Sets without a name have an empty one.
    static func read(_ body: Blob, _ account: MemoryAccount) throws(Problem) -> DecodedSets {
        var reader = JSONSetsReader(body, account)
        while true {
            if let sets = try reader.advance(by: .max) { return sets }
        }
    }

    /// Reads on for about `count` bytes.
    /// - Returns: nil when there is more to read.
    mutating func advance(by count: Int) throws(Problem) -> DecodedSets? {
        let (limit, isFar) = scanner.offset.addingReportingOverflow(count)
        while stage != .done {
            guard isFar || scanner.offset < limit else { return nil }
            let isNew: Bool
            do throws(JSONScanner.Failed) { isNew = try step() } catch {
                throw refusal(error.offset, error.message)
            }
            if isNew { try counter.add() }
        }
        return DecodedSets(sets: sets, charge: counter.charge)
    }

    /// - Returns: whether another item or set comes next, which is to be counted first.
    private mutating func step() throws(JSONScanner.Failed) -> Bool {
        switch stage {
        case .document:
            try scanner.expect("{")
            guard scanner.peek() != UInt8(ascii: "}") else { throw scanner.failed("'sets' is missing") }
            _ = try member(of: ["sets"])
            try scanner.expect("[")
            stage = scanner.take("]") ? .documentEnd : .set
            return stage == .set
        case .set:
            try scanner.expect("{")
            stage = .member
            if scanner.peek() == UInt8(ascii: "}") { throw scanner.failed("'items' is missing") }
        case .member: return try setMember()
        case .item:
            let item = try item()
            items?.append(item)
            stage = try scanner.continues(until: "]") ? .item : .memberEnd
            return stage == .item
        case .memberEnd:
            if try scanner.continues(until: "}") {
                stage = .member
                return false
            }
            guard let items else { throw scanner.failed("'items' is missing") }
            sets.append(ItemSet(name: name ?? .empty, items: items))
            name = nil
            self.items = nil
            stage = try scanner.continues(until: "]") ? .set : .documentEnd
            return stage == .set
        case .documentEnd:
            if try scanner.continues(until: "}") { _ = try member(of: []) }
            try scanner.expectEnd()
            stage = .done
        case .done: break
        }
        return false
    }

    private mutating func setMember() throws(JSONScanner.Failed) -> Bool {
        stage = .memberEnd
        switch try member(of: ["name", "items"], taken: (name != nil ? 1 : 0) | (items != nil ? 2 : 0)) {
        case 0: name = try identifier() ?? .empty
        default:
            try scanner.expect("[")
            items = []
            if !scanner.take("]") { stage = .item }
        }
        return stage == .item
    }

    private mutating func item() throws(JSONScanner.Failed) -> Item {
        try scanner.expect("{")
        let start = scanner.offset - 1
        var item = Item(ident: .empty, data: .empty)
        var content: Int?
        var seen = 0
        if scanner.peek() != UInt8(ascii: "}") {
            repeat {
                let names: [StaticString] = ["ident", "key", "text", "data"]
                let index = try member(of: names, taken: seen)
                seen |= 1 << index
                switch index {
                case 0: item.ident = try identifier() ?? .empty
                case 1: item.key = try key()
                default:
                    _ = scanner.peek()
                    let value = scanner.offset
                    guard let data = try index == 2 ? text() : data() else { continue }
                    guard content == nil else { throw .init(offset: value, message: "an item has both text and data") }
                    content = index
                    item.data = data
                }
            } while try scanner.continues(until: "}")
        } else {
            _ = scanner.take("}")
        }
        guard content != nil else { throw .init(offset: start, message: "an item has neither text nor data") }
        return item
    }

    // MARK: Members and values

    /// Takes a member's name and colon.
    /// - Parameters:
    ///   - names: The names that may come.
    ///   - taken: Bits of those that have come.
    /// - Returns: the place of the name in `names`.
    private mutating func member(of names: [StaticString], taken: Int = 0) throws(JSONScanner.Failed) -> Int {
        _ = scanner.peek()
        let start = scanner.offset
        let text = try scanner.string()
        guard let index = try place(of: text, in: names) else {
            throw .init(offset: start, message: "the member '\(shown(text))' is unknown or repeated")
        }
        guard taken & 1 << index == 0 else {
            throw .init(offset: start, message: "the member '\(names[index])' is repeated")
        }
        try scanner.expect(":")
        return index
    }

    private func place(of text: JSONScanner.Text, in names: [StaticString]) throws(JSONScanner.Failed) -> Int? {
        let bytes = scanner.bytes.part(text.range)
        if text.isPlain { return names.firstIndex { bytes.equals($0) } }
        guard text.range.count <= 6 * Self.longestMember else { return nil }
        let memory = HeapStorage(capacity: text.range.count)
        let name = Bytes(start: memory.base, count: try scanner.unescape(text, into: memory.base))
        return names.firstIndex { name.equals($0) }
    }

    private func shown(_ text: JSONScanner.Text) -> String {
        let bytes = scanner.bytes.part(text.range)
        return bytes.count <= Self.longestMember ? bytes.text : bytes.part(0..<Self.longestMember).text + "…"
    }

    /// A string, or nil for `null`.
    private mutating func string() throws(JSONScanner.Failed) -> JSONScanner.Text? {
        guard scanner.peek() != UInt8(ascii: "\"") else { return try scanner.string() }
        let start = scanner.offset
        if case .null = scanner.word() { return nil }
        throw .init(offset: start, message: "expected a string")
    }

    private mutating func text() throws(JSONScanner.Failed) -> Blob? {
        guard let text = try string() else { return nil }
        guard !text.isPlain else { return body.slice(text.range) }
        return arena.take(try unescape(text, into: try room(for: text)))
    }

    /// Writes a string's value to the room for it.
    /// - Returns: how many bytes it has.
    private mutating func unescape(
        _ text: JSONScanner.Text, into target: UnsafeMutableRawPointer
    ) throws(JSONScanner.Failed) -> Int {
        var (cursor, count) = (text.range.lowerBound, 0)
        while cursor < text.range.upperBound {
            let room = min(DecodeArena.piece, text.range.upperBound - cursor)
            try fill(count + room, at: cursor)
            count += try scanner.unescape(text, from: &cursor, into: target + count, room: room)
        }
        return count
    }

    private mutating func identifier() throws(JSONScanner.Failed) -> Blob? {
        _ = scanner.peek()
        let start = scanner.offset
        let value = try text()
        if let objection = value?.withUnsafeBytes({ Identifier.objection(to: $0) }) {
            throw .init(offset: start, message: "the name \(objection)")
        }
        return value
    }

    private mutating func data() throws(JSONScanner.Failed) -> Blob? {
        guard let text = try string() else { return nil }
        let target = try room(for: text)
        var source = scanner.bytes.part(text.range)
        if !text.isPlain { source = Bytes(start: target, count: try unescape(text, into: target)) }
        var (done, count) = (0, 0)
        while done < source.count {
            // A piece of the text is a multiple of four, as base64 is.
            let end = min(done + DecodeArena.piece, source.count)
            try fill(count + end - done, at: text.range.lowerBound)
            let piece = source.part(done..<end)
            guard let more = Base64.decode(piece, into: target + count, isEnd: end == source.count) else {
                throw .init(offset: text.range.lowerBound, message: "the data is not base64 with padding")
            }
            (done, count) = (end, count + more)
        }
        return arena.take(count)
    }

    private mutating func key() throws(JSONScanner.Failed) -> UInt32 {
        let next = scanner.peek()
        let start = scanner.offset
        if case .null = scanner.word() { return 0 }
        guard next == UInt8(ascii: "-") || next.map(ASCII.isDigit) == true else {
            throw .init(offset: start, message: "expected an integer")
        }
        let (range, _) = try scanner.number()
        guard let key = scanner.bytes.part(range).decimal.flatMap({ UInt32(exactly: $0) }) else {
            throw .init(offset: start, message: "the key is not an integer from 0 to 4294967295")
        }
        return key
    }

    // MARK: Errors

    /// Refusals of memory travel as the scanner's errors do, and are told apart by having no place.
    private mutating func room(for text: JSONScanner.Text) throws(JSONScanner.Failed) -> UnsafeMutableRawPointer {
        do throws(Problem) { return try arena.room(for: text.range.count) } catch {
            refused = error
            throw .init(offset: text.range.lowerBound, message: error.detail)
        }
    }

    private mutating func fill(_ count: Int, at offset: Int) throws(JSONScanner.Failed) {
        do throws(Problem) { try arena.fill(count) } catch {
            refused = error
            throw .init(offset: offset, message: error.detail)
        }
    }

    private var refused: Problem?

    private func refusal(_ offset: Int, _ message: String) -> Problem {
        if let refused { return refused }
        let place = scanner.place(of: offset)
        var path = "sets.\(sets.count)"
        if stage == .document || stage == .documentEnd { path = "" }
        if let items, stage == .item { path += ".items.\(items.count)" }
        return .malformed(
            "JSON body\(path.isEmpty ? "" : ", \(path)"): \(message) (line \(place.line), column \(place.column))",
            [.init("path", path), .init("line", String(place.line)), .init("column", String(place.column))])
    }
}
