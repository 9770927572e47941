/// One piece of data that functions exchange (paper, section 4.1).
public struct Item: Sendable {
    /// UTF-8 by custom, any bytes in fact.
    public var ident: Blob
    /// Groups items for `keyed` edges.
    public var key: UInt32
    public var data: Blob

    public init(ident: Blob, key: UInt32 = 0, data: Blob) {
        self.ident = ident
        self.key = key
        self.data = data
    }
}

/// A named, ordered collection of items: one input or output of a function.
public struct ItemSet: Sendable {
    public var name: Blob
    public var items: [Item]

    public init(name: Blob, items: [Item] = []) {
        self.name = name
        self.items = items
    }
}
