internal import Failure

/// What names of functions, sets and compositions may be.
enum Names {
    static let longest = 256

    /// Names may hold any characters but control characters; they become file names only in an encoded form.
    static func check(_ definition: FunctionDefinition) throws(Failure) {
        try check(definition.name, "function name")
        for input in definition.inputs where input.name.utf8.count > longest {
            throw Failure(.invalid, "the name of an input set is longer than \(longest) bytes")
        }
        for output in definition.outputs where output.utf8.count > longest {
            throw Failure(.invalid, "the name of an output set is longer than \(longest) bytes")
        }
        try refuseTwice(definition.inputs.map(\.name), "input")
        try refuseTwice(definition.outputs, "output")
        guard definition.inputs.count <= 1024, definition.outputs.count <= 1024 else {
            throw Failure(.invalid, "a function has at most 1024 input and 1024 output sets")
        }
    }

    /// Sets are asked for by name; of two of a name nobody could have the second.
    private static func refuseTwice(_ names: [String], _ kind: String) throws(Failure) {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw Failure(.invalid, "two \(kind) sets are called '\(name)'")
        }
    }

    private static func check(_ name: String, _ what: String) throws(Failure) {
        guard !name.isEmpty else { throw Failure(.invalid, "the \(what) is empty") }
        guard name.utf8.count <= longest else {
            throw Failure(.invalid, "the \(what) is longer than \(longest) bytes")
        }
        guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            throw Failure(.invalid, "the \(what) holds a control character")
        }
    }
}
