internal import Items

/// What `/hot` and `/cold` are asked to run: a registered name or the text of one composition, and the input sets.
///
/// Sets are positional; their names and items are views of the body.
struct InvocationDocument: Sendable {
    enum Target: Sendable {
        case name(Blob)
        case composition(Blob)
    }

    /// Nil only where the request's path may name it.
    var target: Target?
    var inputs: DecodedSets

    init(_ body: Blob, counter: ItemCounter, needsTarget: Bool = true) throws(BSONError) {
        var counter = counter
        defer { withExtendedLifetime(body) {} }
        var reader = try BSONReader(body)
        var target: Target?
        var sets: [ItemSet]?
        while let element = try reader.next() {
            if element.name.equals("sets") {
                guard sets == nil else { throw BSONError(element.offset, "appears twice", path: "sets") }
                sets = try Self.sets(&reader, element, &counter)
            } else {
                let isName = element.name.equals("name")
                guard isName || element.name.equals("composition") else { throw .unknown(element) }
                guard target == nil else {
                    throw BSONError(
                        element.offset, "stands beside another name or composition", path: element.name.text)
                }
                do throws(BSONError) {
                    let value = try reader.string(element)
                    target = isName ? .name(value) : .composition(value)
                } catch { throw error.under(element.name.text) }
            }
        }
        guard target != nil || !needsTarget else {
            throw BSONError(reader.offset, "has neither name nor composition")
        }
        guard let sets else { throw BSONError(reader.offset, "is missing", path: "sets") }
        self.target = target
        inputs = DecodedSets(sets: sets, charge: counter.charge)
    }

    private static func sets(
        _ reader: inout BSONReader, _ element: BSONReader.Element, _ counter: inout ItemCounter
    ) throws(BSONError) -> [ItemSet] {
        var sets: [ItemSet] = []
        do throws(BSONError) {
            var array = try reader.array(element)
            while let element = try array.next() {
                do throws(BSONError) {
                    try counter.next()
                    var document = try array.document(element)
                    sets.append(try set(&document, &counter))
                } catch { throw error.under(String(sets.count)) }
            }
        } catch { throw error.under("sets") }
        return sets
    }

    private static func set(_ reader: inout BSONReader, _ counter: inout ItemCounter) throws(BSONError) -> ItemSet {
        var name: Blob?
        var items: [Item]?
        while let element = try reader.next() {
            if element.name.equals("identifier"), name == nil {
                do throws(BSONError) { name = try reader.identifier(element) } catch { throw error.under("identifier") }
            } else if element.name.equals("items"), items == nil {
                items = try Self.items(&reader, element, &counter)
            } else {
                throw .unknown(element)
            }
        }
        guard let name else { throw BSONError(reader.offset, "is missing", path: "identifier") }
        guard let items else { throw BSONError(reader.offset, "is missing", path: "items") }
        return ItemSet(name: name, items: items)
    }

    private static func items(
        _ reader: inout BSONReader, _ element: BSONReader.Element, _ counter: inout ItemCounter
    ) throws(BSONError) -> [Item] {
        var items: [Item] = []
        do throws(BSONError) {
            var array = try reader.array(element)
            while let element = try array.next() {
                do throws(BSONError) {
                    try counter.next()
                    var document = try array.document(element)
                    items.append(try item(&document))
                } catch { throw error.under(String(items.count)) }
            }
        } catch { throw error.under("items") }
        return items
    }

    private static func item(_ reader: inout BSONReader) throws(BSONError) -> Item {
        var ident: Blob?
        var key: UInt32?
        var data: Blob?
        while let element = try reader.next() {
            do throws(BSONError) {
                if element.name.equals("identifier"), ident == nil {
                    ident = try reader.identifier(element)
                } else if element.name.equals("key"), key == nil {
                    key = UInt32(exactly: try reader.integer(element))
                    if key == nil { throw BSONError(element.offset, "is outside 0...4294967295") }
                } else if element.name.equals("data"), data == nil {
                    data = try reader.binary(element)
                } else {
                    throw BSONError(element.offset, "is unknown or appears twice")
                }
            } catch { throw error.under(element.name.text) }
        }
        guard let ident else { throw BSONError(reader.offset, "is missing", path: "identifier") }
        guard let key else { throw BSONError(reader.offset, "is missing", path: "key") }
        guard let data else { throw BSONError(reader.offset, "is missing", path: "data") }
        return Item(ident: ident, key: key, data: data)
    }
}

extension ItemCounter {
    mutating func next() throws(BSONError) {
        do throws(Problem) { try add() } catch { throw BSONError(error) }
    }

    /// Bytes beside sets and items.
    mutating func charge(_ bytes: Int) throws(BSONError) {
        do throws(Problem) { try add(bytes: bytes) } catch { throw BSONError(error) }
    }
}

extension BSONError {
    static func unknown(_ element: BSONReader.Element) -> BSONError {
        BSONError(element.offset, "is unknown or appears twice", path: element.name.text)
    }
}
