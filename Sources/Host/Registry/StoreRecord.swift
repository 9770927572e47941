internal import Items

/// A registered function as the state folder keeps it.
public struct StoredFunction: Sendable {
    public var definition: FunctionDefinition
    /// SHA-256 of the image, hexadecimal.
    public var digest: String
    /// Bytes of the image.
    public var imageSize: Int
}

/// A registered composition as the state folder keeps it.
public struct StoredComposition: Sendable, Equatable {
    public var name: String
    /// The text that defined it, and maybe others.
    public var text: String
    /// Who registered it.
    public var tenant = ""
    /// The tenant among whose names it is.
    public var space: String

    public init(name: String, text: String, tenant: String = "", space: String = Space.standard) {
        self.name = name
        self.text = text
        self.tenant = tenant
        self.space = space
    }
}

/// One record of `compositions/`: a text, and those of its compositions that are registered.
struct StoredText: Sendable {
    var names: [String]
    var text: String
    var tenant = ""
    var space = Space.standard
}

/// Names a content of the state folder.
struct StoredContent: Hashable, Sendable {
    var digest: String
    /// Bytes.
    var size: Int

    init(digest: String, size: Int) {
        self.digest = digest
        self.size = size
    }

    init(of content: Blob) {
        self.init(digest: Store.digest(of: content), size: content.count)
    }
}
