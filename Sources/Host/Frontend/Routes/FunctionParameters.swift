internal import Config
internal import Items
internal import Registry

/// The query of `PUT /v1/functions/{name}`.
struct FunctionParameters: Sendable {
    var className = "default"
    /// The exported function of the image at which a run begins.
    var entry: String?
    var inputs: [String] = []
    var outputs: [String] = []
    /// Bytes.
    var memory: UInt64?
    /// Nanoseconds.
    var timeout: UInt64?
    var minimumSizes: [UInt64] = []
    /// A file of the node that holds the image.
    var path: String?
    /// Take the place of the newest version of that name.
    var replace = false

    init(_ query: Bytes) throws(Problem) {
        let known = ["class", "inputs", "outputs", "memory", "timeout", "min_set_bytes", "path", "replace", "entry"]
        let given = try Query.parameters(query, known: known)
        className = given["class"] ?? className
        inputs = Self.list(given["inputs"])
        outputs = Self.list(given["outputs"])
        path = given["path"]
        entry = given["entry"]
        if let entry, entry.isEmpty || entry.utf8.contains(0) { throw .malformed("parameter entry names no function") }
        replace = try Self.value(given, "replace", "true or false", Bool.init) ?? false
        memory = try Self.value(given, "memory", "a size such as 64MiB") { Units.size($0) ?? UInt64($0) }
        timeout = try Self.value(given, "timeout", "a time such as 500ms", Units.time)
        minimumSizes =
            try Self.value(given, "min_set_bytes", "a list of numbers") { text in
                let numbers = Self.list(text).map { UInt64($0) }
                return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
            } ?? []
    }

    private static func list(_ text: String?) -> [String] {
        text.map { $0.isEmpty ? [] : $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
    }

    private static func value<T>(
        _ given: [String: String], _ name: String, _ expected: String, _ parse: (String) -> T?
    ) throws(Problem) -> T? {
        guard let text = given[name] else { return nil }
        guard let value = parse(text) else { throw .malformed("parameter \(name) is '\(text)', not \(expected)") }
        return value
    }

    /// - Parameter bound: Sets of a multipart body; those beside `image` are bound to the inputs of their names.
    func definition(of name: String, bound sets: [ItemSet]) throws(Problem) -> FunctionDefinition {
        for set in sets where set.name.text != "image" && !inputs.contains(set.name.text) {
            throw .malformed("part '\(set.name.text)' is neither the image nor one of the inputs")
        }
        let inputs = inputs.map { input in
            FunctionDefinition.Input(
                name: input, bound: input == "image" ? nil : sets.first { $0.name.text == input }?.items)
        }
        var definition = FunctionDefinition(
            name: name, className: className, memoryLimit: memory, timeout: timeout, inputs: inputs, outputs: outputs,
            minSetBytes: minimumSizes)
        definition.entry = entry
        return definition
    }
}
