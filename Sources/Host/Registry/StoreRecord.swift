internal import Items

/// A registered function as the state folder keeps it.
public struct StoredFunction: Sendable {
    public var definition: FunctionDefinition
    /// SHA-256 of the image, hexadecimal.
    public var digest: String
    /// Bytes of the image.
    public var imageSize: Int
    /// Of its name, from 1 on.
    public var version = 1

    public init(definition: FunctionDefinition, digest: String, imageSize: Int, version: Int = 1) {
        (self.definition, self.digest, self.imageSize, self.version) = (definition, digest, imageSize, version)
    }
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
    /// Of its name, from 1 on.
    public var version = 1

    public init(
        name: String, text: String, tenant: String = "", space: String = Space.standard, version: Int = 1
    ) {
        self.version = version
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
    /// Of each name.
    var versions: [Int]

    init(names: [String], text: String, tenant: String = "", space: String = Space.standard, versions: [Int]? = nil) {
        (self.names, self.text, self.tenant, self.space) = (names, text, tenant, space)
        self.versions = versions ?? names.map { _ in 1 }
    }

    /// Each of its compositions with its version.
    var labels: [String] { zip(names, versions).map { VersionedName.text($0, $1) } }

    mutating func remove(_ name: String, _ version: Int) {
        let rest = zip(names, versions).filter { $0 != name || $1 != version }
        (names, versions) = (rest.map(\.0), rest.map(\.1))
    }
}

/// An alias as the state folder keeps it.
public struct StoredAlias: Sendable {
    /// Of what it is an alias.
    public var name: String
    public var alias: String
    /// The tenant among whose names it is.
    public var space: String
    public var value: VersionAlias

    public init(name: String, alias: String, space: String, value: VersionAlias) {
        (self.name, self.alias, self.space, self.value) = (name, alias, space, value)
    }

    var fileName: String { StoreName.fileName(for: VersionedName.text(name, alias), in: space) }
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
