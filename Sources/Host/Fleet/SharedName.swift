internal import Registry
internal import Values

/// What the fleet's registry says of one name of one tenant's space.
struct SharedName: Equatable, Sendable {
    enum Content: Equatable, Sendable {
        /// It was removed.
        case nothing
        /// `StoredFunction.sharedRecord`.
        case function(String)
        /// The text that defines it.
        case composition(String)
        /// `StoredAlias.sharedRecord`.
        case alias(String)
    }

    var space: String
    var name: String
    var content: Content
    /// Who is about to bring `content` about; until that is done, `before` holds. Nil: it is done.
    var pending: String?
    var before = Content.nothing

    /// Of a composition: its own name, and which version.
    var version: (name: String, number: Int) {
        guard let wanted = VersionedName(name), case .version(let number) = wanted.choice else { return (name, 1) }
        return (wanted.name, number)
    }

    /// What holds now.
    var present: Content { pending == nil ? content : before }

    var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("space", space)
            json.member("name", name)
            json.name("content")
            json.write(content)
            guard let pending else { return }
            json.member("pending", pending)
            json.name("before")
            json.write(before)
        }
        return json.bytes
    }

    init(space: String, name: String, content: Content, pending: String? = nil, before: Content = .nothing) {
        (self.space, self.name, self.content, self.pending, self.before) = (space, name, content, pending, before)
    }

    /// Nil for what no node wrote.
    init?(_ bytes: [UInt8]) {
        guard let read = try? JSONReader.read(bytes: bytes), let space = read["space"]?.text,
            let name = read["name"]?.text,
            let content = read["content"].flatMap(Content.init)
        else { return nil }
        self.init(
            space: space, name: name, content: content, pending: read["pending"]?.text,
            before: read["before"].flatMap(Content.init) ?? .nothing)
    }
}

extension SharedName.Content {
    init(_ content: SharedChange.Content) {
        self =
            switch content {
            case .nothing: .nothing
            case .function(let stored): .function(stored.sharedRecord)
            case .composition(let text): .composition(text)
            case .alias(let stored): .alias(stored.sharedRecord)
            }
    }

    fileprivate init?(_ read: ParsedValue) {
        if let record = read["function"]?.text {
            self = .function(record)
        } else if let text = read["composition"]?.text {
            self = .composition(text)
        } else if let record = read["alias"]?.text {
            self = .alias(record)
        } else if case .table(let entries) = read.kind, entries.isEmpty {
            self = .nothing
        } else {
            return nil
        }
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ content: SharedName.Content) {
        object { json in
            switch content {
            case .nothing: break
            case .function(let record): json.member("function", record)
            case .composition(let text): json.member("composition", text)
            case .alias(let record): json.member("alias", record)
            }
        }
    }
}
