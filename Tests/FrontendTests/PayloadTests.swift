import Failure
import Items
import Testing

@testable import Frontend

@Suite struct MultipartTests {
    static let type = "multipart/form-data; boundary=\"b;1\""
    static let sample =
        "ignored\r\n--b;1\r\nContent-Disposition: form-data; name=\"x\"; filename=\"a\\\"b%22\"\r\nDandelion-Key: 9\r\n\r\n"
        + "one\r\n\r\n--b;2\r\n--b;1  \r\ncontent-disposition: form-data; name=y\r\n\r\n\r\n--b;1\r\n"
        + "Content-Disposition: form-data; filename=c; name=x\r\n\r\n\u{0}\r\n--b;1--\r\nepilogue"

    private func parse(_ text: String, type: String = type) throws -> [PlainSet] {
        try type.withBytes { type in try Multipart.parse(Blob(text), contentType: type).map(PlainSet.init) }
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
                guard let sets = try? Multipart.parse(body, contentType: type) else { return }
                accepted += 1
                for set in sets { for item in set.items { #expect(item.data.lies(in: body)) } }
            }
        }
        #expect(accepted > 200)
    }

    @Test func writesWhatItReads() throws {
        let sets = [ItemSet("x", [("a\"\r\n", 7, [0, 13, 10, 45, 45]), ("", 0, [])]), ItemSet("y", [("b", 1, [1])])]
        let output = Multipart.write(sets, boundary: "bound")
        let read = try "multipart/form-data; boundary=bound".withBytes { type in
            try Multipart.parse(Blob(output.all), contentType: type)
        }
        #expect(read.map(PlainSet.init) == sets.map(PlainSet.init))
    }
}

@Suite struct JSONTests {
    @Test func readsSets() throws {
        let text = """
            {"sets": [{"name": "x", "items": [{"ident": "a", "key": 4294967295, "data": "AAH/"}, {"text": "h\\u00e9"}]},
                      {"items": []}]}
            """
        let expected = [ItemSet("x", [("a", .max, [0, 1, 255]), ("", 0, Array("hé".utf8))]), ItemSet("", [])]
        #expect(try JSONSets.parse(Blob(text)).map(PlainSet.init) == expected.map(PlainSet.init))
    }

    @Test(arguments: [
        ("", ""), ("[]", ""), ("{\"sets\": 1}", "sets"), ("{}", "sets"),
        ("{\"sets\":[{\"items\":[{\"key\":-1}]}]}", "sets.0.items.0.key"),
        ("{\"sets\":[{\"items\":[{\"key\":4294967296}]}]}", "sets.0.items.0.key"),
        ("{\"sets\":[{\"items\":[{\"data\":\"%\"}]}]}", "sets.0.items.0.data"),
        ("{\"sets\":[{\"items\":[{\"data\":\"\",\"text\":\"\"}]}]}", "sets.0.items.0"),
    ])
    func namesThePlaceOfAnError(_ text: String, _ place: String) {
        do throws(Problem) {
            _ = try JSONSets.parse(Blob(text))
            Issue.record("accepted \(text)")
        } catch {
            #expect(error.status == .badRequest)
            #expect(error.detail.contains(place))
        }
    }

    @Test func writesWhatItReads() throws {
        let sets = [
            ItemSet(
                "x\"\\\n\u{1}é", [("a", 7, [0xff, 0xfe]), ("b", 0, Array("text \u{7f}\u{1F600}".utf8)), ("c", 1, [])])
        ]
        let bytes = JSONSets.write(sets)
        #expect(try JSONSets.parse(Blob(bytes)).map(PlainSet.init) == sets.map(PlainSet.init))
        let small = [ItemSet("s", [("i", 2, [0xff])]), ItemSet("t", [("", 0, [65])])]
        let control = JSONSets.write([ItemSet("s", [("", 0, [0]), ("", 0, [10])])])
        #expect(String(decoding: control, as: UTF8.self).contains(#""data":"AA=="},{"ident":"","key":0,"text":"\n"}"#))
        #expect(
            String(decoding: JSONSets.write(small), as: UTF8.self)
                == #"{"sets":[{"name":"s","items":[{"ident":"i","key":2,"data":"/w=="}]},"#
                + #"{"name":"t","items":[{"ident":"","key":0,"text":"A"}]}]}"#)
    }

    @Test func base64IsPadded() {
        for (data, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            var json = JSONWriter()
            data.withBytes { json.base64($0) }
            #expect(String(decoding: json.bytes, as: UTF8.self) == "\"\(text)\"")
        }
    }

    @Test func mutationsAreHarmless() {
        var random = Random(seed: 5)
        let sample = JSONSets.write([ItemSet("x", [("a", 7, [0xff]), ("b", 0, [65])])])
        var refused = 0
        for _ in 0..<3000 where (try? JSONSets.parse(Blob(mutated(sample, &random)))) == nil { refused += 1 }
        #expect(refused > 1000)
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
        #expect(statuses == [400, 404, 409, 413, 422, 507, 429, 502, 503, 504, 499, 403, 500])
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
            #expect(MediaType.parameter("a", of: value)?.text == "x;y\\\"")
            #expect(MediaType.parameter("b", of: value)?.text == "z")
            #expect(MediaType.parameter("c", of: value) == nil)
        }
    }
}
