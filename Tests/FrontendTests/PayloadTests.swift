import Engines
import Failure
import Items
import Memory
import Platform
import Testing

@testable import Frontend

@Suite struct MultipartTests {
    static let type = "multipart/form-data; boundary=\"b;1\""
    static let sample =
        "ignored\r\n--b;1\r\nContent-Disposition: form-data; name=\"x\"; filename=\"a\\\"b%22\"\r\nDandelion-Key: 9\r\n\r\n"
        + "one\r\n\r\n--b;2\r\n--b;1  \r\ncontent-disposition: form-data; name=y\r\n\r\n\r\n--b;1\r\n"
        + "Content-Disposition: form-data; filename=c; name=x\r\n\r\n\u{0}\r\n--b;1--\r\nepilogue"

    private func parse(_ text: String, type: String = type) throws -> [PlainSet] {
        try type.withBytes { type in
            try Multipart.parse(Blob(text), contentType: type, account: MemoryBudget().own).sets.map(PlainSet.init)
        }
    }

    @Test func readsParts() throws {
        let expected = [
            ItemSet("x", [("a\"b\"", 9, Array("one\r\n\r\n--b;2".utf8)), ("c", 0, [0])]), ItemSet("y", [("", 0, [])]),
        ]
        #expect(try parse(Self.sample) == expected.map(PlainSet.init))
        #expect(try parse("--b--", type: "multipart/form-data; boundary=b").isEmpty)
    }

    @Test func refusesWhatIsNotMultipart() {
        for text in [
            "", "x", "--b;1", "--b;1x\r\n", "--b;1\r\n\r\nx\r\n--b;1--",
            "--b;1\r\nContent-Disposition: form-data; name=x",
        ] {
            #expect(throws: Problem.self) { try parse(text) }
        }
        #expect(throws: Problem.self) { try parse(Self.sample, type: "multipart/form-data") }
        let disposition = "--b;1\r\nContent-Disposition: "
        for header in ["attachment; name=x", "form-data", "form-data; name=x\r\nDandelion-Key: 4294967296"] {
            #expect(throws: Problem.self) { try parse("\(disposition)\(header)\r\n\r\n\r\n--b;1--") }
        }
    }

    private static let part = "Content-Disposition: form-data; name=x\r\n\r\none\r\n"

    @Test(arguments: [
        // The client's first boundary is another one: its part must not be taken for text before the first.
        "--c\r\n\(part)--b\r\n\(part)--b--", "\r\n--c\r\n\(part)--b\r\n\(part)--b--",
        "text\r\n--\r\n--b\r\n\(part)--b--",
        "text\n--c\n--b\r\n\(part)--b--", "--b\r\n\(part)--b--\r\n--b\r\n\(part)--b--", "--b\r\n\(part)--b--x",
        "--b\r\nContent-Disposition: form-data; name=y\r\n\(part)--b--",
        "--b\r\nDandelion-Key: 1\r\ndandelion-key: 1\r\n\(part)--b--",
        "--b\r\nContent-Disposition: form-data; name=y; name=x\r\n\r\n\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"x\r\n\r\n\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"x\"y\r\n\r\n\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=x; filename=\"\u{0}\"\r\n\r\n\r\n--b--",
        "--b\r\nContent-Transfer-Encoding: base64\r\n\(part)--b--",
    ])
    func whatCouldLoseAPartIsRefused(_ text: String) {
        #expect(throws: Problem.self) { try parse(text, type: "multipart/form-data; boundary=b") }
    }

    @Test(arguments: [
        "--b\r\n\(part)--b--", "text - more -- text\r\nand more\r\n--b\r\n\(part)--b--  \r\nepilogue -- here",
        "\r\n--b\r\n\(part)--b--\r\n",
        "--b\r\nContent-Transfer-Encoding: binary\r\n\(part)--b--",
    ])
    func textAroundThePartsIsDropped(_ text: String) throws {
        let expected = [PlainSet(ItemSet("x", [("", 0, Array("one".utf8))]))]
        #expect(try parse(text, type: "multipart/form-data; boundary=b") == expected)
    }

    @Test func namesThatAreNotTextAreRefused() {
        let bytes =
            Array("--b\r\nContent-Disposition: form-data; name=\"".utf8) + [0xff] + Array("\"\r\n\r\n\r\n--b--".utf8)
        #expect(throws: Problem.self) {
            try "multipart/form-data; boundary=b".withBytes {
                try Multipart.parse(Blob(bytes), contentType: $0, account: MemoryBudget().own)
            }
        }
        #expect(throws: Problem.self) { try parse("--b--", type: "multipart/form-data; boundary=b; boundary=c") }
    }

    /// Delimiters that nearly match everywhere do not make the search long.
    @Test func longBodiesTakeLinearTime() throws {
        let boundary = String(repeating: "-", count: 70)
        let filler = String(repeating: "\r\n--" + boundary.dropLast(), count: 100_000)
        let text = "--\(boundary)\r\nContent-Disposition: form-data; name=x\r\n\r\n\(filler)x\r\n--\(boundary)--"
        let start = Clock.now()
        #expect(
            try parse(text, type: "multipart/form-data; boundary=\(boundary)").first?.items.first?.data.count ?? 0
                > 7_000_000)
        #expect(Clock.now() - start < 2_000_000_000)
    }

    @Test func namesOfOutputsCannotEndTheirLines() throws {
        let set = ItemSet(name: Blob([0x78, 0]), items: [Item(ident: Blob([0xff, 10, 0x22, 7]), data: .empty)])
        let output = OutputBuffer()
        try Multipart.write([set], boundary: "b", to: output)
        let text = output.text
        #expect(text.contains("name=\"x%00\"; filename=\"\u{fffd}%0A%22%07\""))
    }

    @Test func truncationsAreErrors() {
        let end = Self.sample.utf8.count - "--\r\nepilogue".utf8.count
        for count in 0..<end {
            #expect(throws: Problem.self) { try parse(String(decoding: Self.sample.utf8.prefix(count), as: UTF8.self)) }
        }
    }

    @Test func mutationsAreErrorsOrStayInTheBody() {
        var random = Random(seed: 4)
        var accepted = 0
        for _ in 0..<5000 {
            let body = Blob(mutated(Array(Self.sample.utf8), &random))
            Self.type.withBytes { type in
                guard let sets = try? Multipart.parse(body, contentType: type, account: MemoryBudget().own).sets else {
                    return
                }
                accepted += 1
                for set in sets { for item in set.items { #expect(item.data.lies(in: body)) } }
            }
        }
        #expect(accepted > 200)
    }

    @Test func writesWhatItReads() throws {
        let sets = [ItemSet("x", [("a\"\r\n", 7, [0, 13, 10, 45, 45]), ("", 0, [])]), ItemSet("y", [("b", 1, [1])])]
        let output = OutputBuffer()
        try Multipart.write(sets, boundary: "bound", to: output)
        let read = try "multipart/form-data; boundary=bound".withBytes { type in
            try Multipart.parse(Blob(output.all), contentType: type, account: MemoryBudget().own).sets
        }
        #expect(read.map(PlainSet.init) == sets.map(PlainSet.init))
    }
}

@Suite struct ProblemTests {
    @Test func isADocumentOfTheStandard() {
        let failure = Failure(
            .functionFault, "wrote to 0x0",
            [.init("fault", "write"), .init("status", "forged"), .init("address", "0x0")])
        let document = Problem(failure).document(instance: "/hot/\"x")
        #expect(
            String(decoding: document, as: UTF8.self)
                == #"{"type":"urn:dandelion:problem:functionFault","title":"Unprocessable Content","status":422,"#
                + #""detail":"wrote to 0x0","instance":"/hot/\"x","fault":"write","address":"0x0"}"#)
    }

    @Test func everyKindHasItsStatus() {
        let statuses = Failure.Kind.allCases.map { Problem.status(of: $0).rawValue }
        #expect(statuses == [400, 404, 409, 413, 422, 422, 422, 507, 429, 502, 503, 504, 499, 403, 500])
    }

    @Test func bsonErrorsCarryPlaceAndOffset() {
        let problem = BSONError(17, "is not a string").under("name").problem
        #expect(problem.detail == "name: is not a string (byte 17)")
        #expect(problem.facts == [.init("path", "name"), .init("offset", "17")])
    }
}

@Suite struct MediaTypeTests {
    @Test(arguments: [
        (String?.none, MediaType?.some(.raw)), ("", .raw), ("*/*", .raw), ("application/json", .json),
        ("application/*", .raw),
        ("multipart/*", .multipart), ("text/html", nil), ("application/json;q=0", nil),
        ("application/json;q=0.5, application/bson", .bson), ("*/*;q=0.1, Application/JSON", .json),
        ("*/*, application/octet-stream;q=0", .json), ("application/json;q=0.001", .json),
        ("text/html, */*;q=0.2", .raw),
    ])
    func negotiates(_ accept: String?, _ expected: MediaType?) {
        let offers: [MediaType] = [.raw, .json, .bson, .multipart]
        guard let accept else {
            #expect(MediaType.preferred(accept: nil, offers: offers) == expected)
            return
        }
        accept.withBytes { #expect(MediaType.preferred(accept: $0, offers: offers) == expected) }
    }

    @Test func readsContentTypes() {
        let types = [
            "application/json; charset=utf-8", "Application/BSON", "multipart/form-data;boundary=x", "text/csv",
        ]
        #expect(types.map { $0.withBytes { MediaType(contentType: $0) } } == [.json, .bson, .multipart, .raw])
        #expect(MediaType(contentType: nil) == .raw)
    }

    @Test func readsParameters() {
        "form-data; a=\"x;y\\\"\"; B=z".withBytes { value in
            let parameters = try? MediaType.parameters(of: value)
            #expect(parameters?["a"]?.text == "x;y\\\"")
            #expect(parameters?["b"]?.text == "z")
            #expect(parameters?["c"] == nil)
        }
    }
}
