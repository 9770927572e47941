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
        guard definition.inputs.count <= 1024, definition.outputs.count <= 1024 else {
            throw Failure(.invalid, "a function has at most 1024 input and 1024 output sets")
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
