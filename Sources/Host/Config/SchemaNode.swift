internal import Failure
internal import Values

/// The schema of one value.
struct SchemaNode: Sendable {
    enum ValueType: String, CaseIterable {
        case string, integer, boolean, array, object
    }

    var type: ValueType
    var choices: [ParsedValue] = []
    var minimum: Int64?
    var maximum: Int64?
    var properties: [(key: String, node: SchemaNode)] = []
    /// None or one: what an array's elements must be.
    var items: [SchemaNode] = []

    init(_ value: ParsedValue, at path: String) throws(ConfigSchema.Malformed) {
        guard case .table(let entries) = value.kind else {
            throw ConfigSchema.Malformed(place: value.place, message: "'\(path)' must be an object")
        }
        type = try Self.type(value, path)
        for entry in entries { try read(entry, path) }
    }

    private static func type(_ value: ParsedValue, _ path: String) throws(ConfigSchema.Malformed) -> ValueType {
        // The root's type goes without saying.
        guard let type = value["type"] else {
            if path.isEmpty { return .object }
            throw ConfigSchema.Malformed(place: value.place, message: "'\(path)' has no \"type\"")
        }
        guard case .string(let name) = type.kind, let known = ValueType(rawValue: name) else {
            let names = ValueType.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigSchema.Malformed(place: type.place, message: "the type of '\(path)' must be one of \(names)")
        }
        return known
    }

    private mutating func read(_ entry: ParsedEntry, _ path: String) throws(ConfigSchema.Malformed) {
        func wrong(_ wanted: String) -> ConfigSchema.Malformed {
            ConfigSchema.Malformed(place: entry.value.place, message: "\"\(entry.key)\" of '\(path)' must be \(wanted)")
        }
        switch entry.key {
        case "type", "description", "default", "title", "$schema": break
        case "enum":
            guard case .array(let values) = entry.value.kind, !values.isEmpty else {
                throw wrong("a list of values")
            }
            choices = values
        case "minimum", "maximum":
            guard let limit = entry.value.number else { throw wrong("an integer") }
            if entry.key == "minimum" { minimum = limit } else { maximum = limit }
        case "items": items = [try SchemaNode(entry.value, at: "\(path)[]")]
        case "properties":
            guard case .table(let listed) = entry.value.kind else { throw wrong("an object") }
            for property in listed {
                let name = path.isEmpty ? property.key : "\(path).\(property.key)"
                properties.append((property.key, try SchemaNode(property.value, at: name)))
            }
        case "additionalProperties" where entry.value.kind == .boolean(false): break
        default: throw ConfigSchema.Malformed(place: entry.keyPlace, message: "\"\(entry.key)\" is not supported")
        }
    }
}

extension SchemaNode {
    func check(_ value: ParsedValue, _ path: String, _ log: MistakeLog) {
        guard accepts(value) else {
            log.add(value.place, "'\(path)' must be \(type.phrase), not \(value.kindName)")
            return
        }
        if let number = value.number { checkRange(number, value.place, path, log) }
        if !choices.isEmpty, !choices.contains(where: { $0.json == value.json }) {
            log.add(value.place, "'\(path)' cannot have this value, \(choiceHint(value))")
        }
        for (index, element) in value.elements.enumerated() {
            for item in items { item.check(element, "\(path)[\(index)]", log) }
        }
        for entry in value.entries {
            if let property = properties.first(where: { $0.key == entry.key }) {
                property.node.check(entry.value, "\(path).\(entry.key)", log)
            } else {
                let hint = Nearest.hint(for: entry.key, among: properties.map(\.key))
                log.add(entry.keyPlace, "unknown key '\(entry.key)' in [\(path)], \(hint)")
            }
        }
    }

    private func accepts(_ value: ParsedValue) -> Bool {
        switch (type, value.kind) {
        case (.string, .string), (.integer, .integer), (.boolean, .boolean),
            (.array, .array), (.object, .table):
            true
        default: false
        }
    }

    private func checkRange(_ number: Int64, _ place: Place, _ path: String, _ log: MistakeLog) {
        if let minimum, number < minimum { log.add(place, "'\(path)' must be at least \(minimum), not \(number)") }
        if let maximum, number > maximum { log.add(place, "'\(path)' must be at most \(maximum), not \(number)") }
    }

    private func choiceHint(_ value: ParsedValue) -> String {
        let texts = choices.compactMap(\.text)
        guard case .string(let text) = value.kind, texts.count == choices.count else {
            return "known are " + choices.map(\.json).joined(separator: ", ")
        }
        return Nearest.hint(for: text, among: texts)
    }
}

extension SchemaNode.ValueType {
    fileprivate var phrase: String {
        switch self {
        case .string: "a string"
        case .integer: "an integer"
        case .boolean: "true or false"
        case .array: "an array"
        case .object: "a table"
        }
    }
}

extension ParsedValue {
    fileprivate var number: Int64? {
        if case .integer(let number) = kind { number } else { nil }
    }
}
