internal import Config
internal import Items
internal import Values

// What stands in a record's JSON.

extension StoredFunction {
    var image: StoredContent { StoredContent(digest: digest, size: imageSize) }

    /// Data of the items that were bound at registration.
    var boundContents: [Blob] { definition.inputs.flatMap { $0.bound ?? [] }.map(\.data) }

    /// All that it needs of the folder's contents: its image first, then its bound items.
    var contents: [StoredContent] { [image] + boundContents.map(StoredContent.init) }

    /// Bound items get their data from `content`.
    init(
        _ fields: RecordFields, content: (StoredContent, _ tenant: String) throws(UnusableRecord) -> Blob
    ) throws(UnusableRecord) {
        let image = try fields.content("image")
        var definition = FunctionDefinition(
            name: try fields.text("name"), className: try fields.text("class"),
            memoryLimit: try fields.optionalNumber("memory_limit"), timeout: try fields.optionalNumber("timeout"),
            inputs: [], outputs: try fields.list("outputs", \.text),
            minSetBytes: try fields.list("min_set_bytes", Self.number))
        definition.entry = try fields.optionalText("entry")
        definition.tenant = try fields.optionalText("tenant") ?? ""
        definition.space = try fields.optionalText("space") ?? Space.standard
        for input in try fields.list("inputs", RecordFields.init) {
            definition.inputs.append(
                try FunctionDefinition.Input(input) { (data) throws(UnusableRecord) in
                    try content(data, definition.tenant)
                })
        }
        self.init(
            definition: definition, digest: image.digest, imageSize: image.size, version: try fields.version("version"))
    }

    private static func number(_ value: ParsedValue) -> UInt64? {
        if case .integer(let number) = value.kind { UInt64(exactly: number) } else { nil }
    }

    /// Numbers above `Int64.max` are written as that.
    func json(sequence: Int64) -> String {
        ParsedValue.table([
            "sequence": .integer(sequence), "name": .string(definition.name), "class": .string(definition.className),
            "memory_limit": definition.memoryLimit?.json ?? .null,
            "timeout": definition.timeout?.json ?? .null, "tenant": .string(definition.tenant),
            "space": .string(definition.space),
            "entry": definition.entry.map { .string($0) } ?? .null,
            "image": image.json, "inputs": .array(definition.inputs.map(\.json)),
            "outputs": .array(definition.outputs.map { ParsedValue(.string($0)) }),
            "min_set_bytes": .array(definition.minSetBytes.map { ParsedValue($0.json) }),
            "version": .integer(Int64(version)),
        ]).json
    }
}

extension FunctionDefinition.Input {
    fileprivate init(
        _ fields: RecordFields, content: (StoredContent) throws(UnusableRecord) -> Blob
    ) throws(UnusableRecord) {
        self.init(name: try fields.text("name"))
        guard try !fields.isNull("bound") else { return }
        var items: [Item] = []
        for item in try fields.list("bound", RecordFields.init) {
            guard let ident = StoreName.decode(try item.text("ident")),
                let key = UInt32(exactly: try item.number("key"))
            else { throw UnusableRecord(reason: "a bound item's 'ident' or 'key' is wrong") }
            items.append(Item(ident: Blob(ident), key: key, data: try content(item.content("data"))))
        }
        bound = items
    }

    fileprivate var json: ParsedValue {
        let items = bound.map { items in
            ParsedValue.Kind.array(
                items.map { item in
                    ParsedValue.table([
                        "ident": .string(StoreName.encode(item.ident.array)), "key": .integer(Int64(item.key)),
                        "data": StoredContent(of: item.data).json,
                    ])
                })
        }
        return ParsedValue.table(["name": .string(name), "bound": items ?? .null])
    }
}

extension StoredText {
    init(_ fields: RecordFields) throws(UnusableRecord) {
        let names = try fields.list("names", \.text)
        let versions = try fields.has("versions") ? fields.list("versions", RecordFields.version) : nil
        guard versions.map({ $0.count == names.count }) ?? true else {
            throw UnusableRecord(reason: "'versions' has not as many elements as 'names'")
        }
        self.init(
            names: names, text: try fields.text("text"), tenant: try fields.optionalText("tenant") ?? "",
            space: try fields.optionalText("space") ?? Space.standard, versions: versions)
    }

    func json(sequence: Int64) -> String {
        ParsedValue.table([
            "sequence": .integer(sequence), "names": .array(names.map { ParsedValue(.string($0)) }),
            "text": .string(text), "tenant": .string(tenant), "space": .string(space),
            "versions": .array(versions.map { ParsedValue(.integer(Int64($0))) }),
        ]).json
    }
}

extension StoredAlias {
    init(_ fields: RecordFields) throws(UnusableRecord) {
        let value = VersionAlias(
            try fields.list("shares", VersionAlias.Share.init),
            previous: try fields.list("previous", VersionAlias.Share.init))
        guard !value.shares.isEmpty else { throw UnusableRecord(reason: "'shares' is empty") }
        self.init(
            name: try fields.text("name"), alias: try fields.text("alias"), space: try fields.text("space"),
            value: value)
    }

    var json: String {
        ParsedValue.table([
            "sequence": .integer(0), "name": .string(name), "alias": .string(alias), "space": .string(space),
            "shares": .array(value.shares.map(\.json)), "previous": .array(value.previous.map(\.json)),
        ]).json
    }
}

extension VersionAlias.Share {
    fileprivate init?(_ value: ParsedValue) {
        guard case .integer(let weight)? = value["weight"]?.kind, weight > 0, weight <= VersionAlias.largestWeight,
            let version = value["version"].flatMap(RecordFields.version)
        else { return nil }
        self.init(version: version, weight: Int(weight))
    }

    fileprivate var json: ParsedValue {
        .table(["version": .integer(Int64(version)), "weight": .integer(Int64(weight))])
    }
}

extension StoredContent {
    fileprivate var json: ParsedValue.Kind {
        ParsedValue.table(["sha256": .string(digest), "size": .integer(Int64(size))]).kind
    }
}

extension UInt64 {
    fileprivate var json: ParsedValue.Kind { .integer(Int64(clamping: self)) }
}
