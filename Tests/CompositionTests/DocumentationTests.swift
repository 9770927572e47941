@testable import Composition
import Failure
import Glibc
import Testing
import Values

/// What the documentation shows works as it says.
@Suite struct DocumentationTests {
    @Test func examplesCompile() throws {
        let path = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        let blocks = try text(of: path + "/Docs/composition-language.md").split(separator: "```")
        let examples = blocks.filter { $0.hasPrefix("dandelion\n") }.map { String($0.dropFirst("dandelion\n".count)) }
        #expect(examples.count == 3)
        for example in examples {
            let environment = Environment(lookup: { registered[$0] ?? Self.shown[$0] })
            #expect(try CompositionGraph.compile(example, in: environment).count == 1)
        }
    }

    private static let shown = [
        "Split": Signature(.compute, inputs: ["text"], outputs: ["words"]),
        "Count": Signature(.compute, inputs: ["words", "stop"], outputs: ["counts"]),
        "Merge": Signature(.compute, inputs: ["counts", "title"], outputs: ["table"]),
        "Bill": Signature(.compute, inputs: ["customer", "orders", "rates"], outputs: ["bill"]),
    ]

    @Test func theShownErrorIsTheError() throws {
        let told = try #require(refusal(logProcessing.replacing("= each fetches)", with: "= each fetchs)")))
        #expect(
            told.detail == """
                line 10, column 25: set `fetchs` is produced by no statement and is no input; did you mean `fetches`?
                        HTTP(request = each fetchs) => (logs = body);
                                            ^
                """)
    }

    private func text(of path: String) throws -> String {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
