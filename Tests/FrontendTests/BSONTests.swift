import Items
import Testing

@testable import Frontend

/// Writes BSON for the tests, independently of the code under test.
indirect enum TestBSON {
    case string(String)
    case int32(Int32)
    case int64(Int64)
    case binary([UInt8], subtype: UInt8 = 0)
    case document([(String, TestBSON)])
    case array([TestBSON])
    case null
    case double(Double)

    private var type: UInt8 {
        switch self {
        case .double: 1
        case .string: 2
        case .document: 3
        case .array: 4
        case .binary: 5
        case .null: 10
        case .int32: 16
        case .int64: 18
        }
    }

    var bytes: [UInt8] {
        func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        switch self {
        case .double(let value): return little(value.bitPattern)
        case .string(let value): return little(Int32(value.utf8.count + 1)) + Array(value.utf8) + [0]
        case .int32(let value): return little(value)
        case .int64(let value): return little(value)
        case .binary(let data, let subtype): return little(Int32(data.count)) + [subtype] + data
        case .null: return []
        case .array(let elements):
            return TestBSON.document(elements.enumerated().map { (String($0), $1) }).bytes
        case .document(let elements):
            var content: [UInt8] = []
            for (name, value) in elements { content += [value.type] + Array(name.utf8) + [0] + value.bytes }
            return little(Int32(content.count + 5)) + content + [0]
        }
    }

    static func item(_ ident: String, _ key: TestBSON, _ data: [UInt8]) -> TestBSON {
        .document([("data", .binary(data, subtype: 128)), ("key", key), ("identifier", .string(ident))])
    }

    static func set(_ name: String, _ items: [TestBSON]) -> TestBSON {
        .document([("identifier", .string(name)), ("items", .array(items))])
    }
}

@Suite struct InvocationDocumentTests {
    static let sample = TestBSON.document([
        (
            "sets",
            .array([
                .set("in", [.item("a", .int64(7), [1, 2, 3]), .item("", .int32(0), [])]), .set("", []),
            ])
        ),
        ("name", .string("matmul")),
    ]).bytes

    @Test func readsNameAndSets() throws {
        let body = Blob(Self.sample)
        let document = try InvocationDocument(body, counter: .unlimited)
        guard case .name(let name) = document.target else {
            Issue.record("no name")
            return
        }
        #expect(name.text == "matmul")
        #expect(
            document.inputs.sets.map(PlainSet.init) == [
                PlainSet(ItemSet("in", [("a", 7, [1, 2, 3]), ("", 0, [])])), PlainSet(ItemSet("", [])),
            ])
        #expect(document.inputs.sets[0].items[0].data.lies(in: body))
    }

    @Test func readsAComposition() throws {
        let document = try InvocationDocument(
            Blob(TestBSON.document([("composition", .string("composition c")), ("sets", .array([]))]).bytes),
            counter: .unlimited)
        guard case .composition(let text) = document.target else {
            Issue.record("no composition")
            return
        }
        #expect(text.text == "composition c")
        #expect(document.inputs.sets.isEmpty)
    }

    private func error(of elements: [(String, TestBSON)]) -> BSONError? {
        error(TestBSON.document(elements).bytes)
    }

    private func error(_ bytes: [UInt8]) -> BSONError? {
        do throws(BSONError) {
            _ = try InvocationDocument(Blob(bytes), counter: .unlimited)
            return nil
        } catch { return error }
    }

    private func itemError(_ item: TestBSON) -> BSONError? {
        error(of: [("name", .string("f")), ("sets", .array([.set("s", [.item("", .int32(0), []), item])]))])
    }

    @Test func namesThePlaceOfAnError() {
        let sets = TestBSON.array([])
        #expect(error(of: [("name", .string("f"))])?.path == "sets")
        #expect(error(of: [("sets", sets)])?.detail == "has neither name nor composition")
        #expect(error(of: [("name", .string("f")), ("sets", sets), ("more", .null)])?.path == "more")
        #expect(
            error(of: [("name", .string("f")), ("composition", .string("c")), ("sets", sets)])?.path == "composition")
        #expect(error(of: [("name", .int32(1)), ("sets", sets)]) == BSONError(4, "is not a string", path: "name"))
        #expect(error(of: [("name", .string("f")), ("sets", sets), ("sets", sets)])?.path == "sets")
        #expect(itemError(.item("", .int64(-1), []))?.path == "sets.0.items.1.key")
        #expect(itemError(.item("", .int64(1 << 32), []))?.detail == "is outside 0...4294967295")
        #expect(itemError(.item("", .double(1), []))?.path == "sets.0.items.1.key")
        #expect(itemError(.document([("key", .int32(1)), ("identifier", .string(""))]))?.path == "sets.0.items.1.data")
        #expect(itemError(.document([("key", .int32(1)), ("key", .int32(1))]))?.path == "sets.0.items.1.key")
        #expect(itemError(.string("x"))?.path == "sets.0.items.1")
        #expect(itemError(.item("", .int64(1), [])) == nil)
    }

    @Test func lengthsAreChecked() {
        #expect(error(Self.sample) == nil)
        #expect(error(Self.sample + [0])?.path == "")
        #expect(error([]) != nil)
        #expect(error([5, 0, 0, 0, 1]) != nil)
        for count in 0..<Self.sample.count {
            #expect(error(Array(Self.sample.prefix(count))) != nil)
            // Also when the outer length is right.
            var lying = Array(Self.sample.prefix(count))
            guard count >= 5 else { continue }
            lying.replaceSubrange(0..<4, with: withUnsafeBytes(of: Int32(count).littleEndian) { Array($0) })
            #expect(error(lying) != nil)
        }
    }

    @Test func mutationsAreErrorsOrStayInTheBody() {
        var random = Random(seed: 2)
        var accepted = 0
        for _ in 0..<20_000 {
            let body = Blob(mutated(Self.sample, &random))
            guard let document = try? InvocationDocument(body, counter: .unlimited) else { continue }
            accepted += 1
            for set in document.inputs.sets {
                #expect(set.name.lies(in: body))
                for item in set.items { #expect(item.ident.lies(in: body) && item.data.lies(in: body)) }
            }
        }
        #expect(accepted > 200)
    }
}

@Suite struct RegistrationDocumentTests {
    static func function(_ changes: [(String, TestBSON?)] = []) -> [UInt8] {
        var elements: [(String, TestBSON)] = [
            ("name", .string("f")), ("context_size", .int64(0x802_0000)), ("engine_type", .string("Process")),
            ("local_path", .string("")), ("binary", .array([0x7f, 0x45, 0, 255].map { .int32($0) })),
            (
                "input_sets",
                .array([
                    .array([.string("in"), .null]),
                    .array([
                        .string("lib"),
                        .array([.array([.string("a.py"), .binary([1])]), .array([.string("b"), .array([.int32(9)])])]),
                    ]),
                ])
            ),
            ("output_sets", .array([.string("out")])), ("unknown", .double(1)),
        ]
        for (name, value) in changes {
            elements.removeAll { $0.0 == name }
            if let value { elements.append((name, value)) }
        }
        return TestBSON.document(elements).bytes
    }

    private func error(_ bytes: [UInt8]) -> BSONError? {
        do throws(BSONError) {
            _ = try FunctionDocument(Blob(bytes), counter: .unlimited)
            return nil
        } catch { return error }
    }

    @Test func readsAFunction() throws {
        let document = try FunctionDocument(Blob(Self.function()), counter: .unlimited)
        #expect(document.name == "f")
        #expect(document.contextSize == 0x802_0000)
        #expect(document.engineType == "Process")
        #expect(document.localPath == nil)
        #expect(document.binary.array == [0x7f, 0x45, 0, 255])
        #expect(document.inputs.map(\.name) == ["in", "lib"])
        #expect(document.inputs[0].fixed == nil)
        #expect(document.inputs[1].fixed?.map(\.ident.text) == ["a.py", "b"])
        #expect(document.inputs[1].fixed?.map(\.data.array) == [[1], [9]])
        #expect(document.outputs == ["out"])
        #expect(document.minimumSizes == [])
    }

    @Test func takesOtherForms() throws {
        let document = try FunctionDocument(
            Blob(
                Self.function([
                    ("binary", .binary([1, 2])), ("min_set_bytes", .array([.int32(5), .int64(6)])),
                    ("context_size", .int32(4096)),
                ])), counter: .unlimited)
        #expect(document.binary.array == [1, 2])
        #expect(document.minimumSizes == [5, 6])
        #expect(document.contextSize == 4096)
        let local = try FunctionDocument(
            Blob(Self.function([("binary", nil), ("local_path", .string("/f"))])), counter: .unlimited)
        #expect(local.localPath == "/f")
    }

    @Test func namesThePlaceOfAnError() {
        #expect(error(Self.function([("name", nil)])).map(\.path) == "name")
        #expect(error(Self.function([("binary", nil)])).map(\.path) == "binary")
        #expect(error(Self.function([("binary", .array([.int32(1), .int32(256)]))]))?.path == "binary.1")
        #expect(error(Self.function([("context_size", .int64(-1))]))?.path == "context_size")
        #expect(error(Self.function([("input_sets", .array([.string("in")]))]))?.path == "input_sets.0")
        #expect(
            error(Self.function([("input_sets", .array([.array([.string("in"), .array([.int32(1)])])]))]))?.path
                == "input_sets.0.1.0")
        #expect(error(Self.function([("output_sets", .array([.int32(1)]))]))?.path == "output_sets.0")
    }

    @Test func truncationsAndMutationsAreHarmless() {
        let sample = Self.function()
        for count in 0..<sample.count { #expect(error(Array(sample.prefix(count))) != nil) }
        var random = Random(seed: 3)
        var refused = 0
        for _ in 0..<20_000 where error(mutated(sample, &random)) != nil { refused += 1 }
        #expect(refused > 5000)
    }

    @Test func readsACompositionDocument() throws {
        let bytes = TestBSON.document([("other", .null), ("composition", .string("text"))]).bytes
        #expect(try CompositionDocument(Blob(bytes)).text == "text")
        #expect(throws: BSONError.self) { try CompositionDocument(Blob(TestBSON.document([]).bytes)) }
    }
}

@Suite struct BSONReplyTests {
    @Test func isExactlyTheDocument() throws {
        let sets = [
            ItemSet("out", [("a", 1, [1, 2, 3]), ("", .max, [])]), ItemSet("empty", []), ItemSet("", [("b", 0, [0])]),
        ]
        func item(_ ident: String, _ key: Int64, _ data: [UInt8]) -> TestBSON {
            .document([("identifier", .string(ident)), ("key", .int64(key)), ("data", .binary(data))])
        }
        let expected = TestBSON.document([
            (
                "sets",
                .array([
                    .set("out", [item("a", 1, [1, 2, 3]), item("", 0xffff_ffff, [])]), .set("", [item("b", 0, [0])]),
                ])
            )
        ]).bytes
        let reply = try BSONReply(sets)
        let output = OutputBuffer()
        reply.write(to: output)
        #expect(output.all == expected)
        #expect(reply.size == expected.count)
    }

    @Test func sizesHoldForManyItems() throws {
        for count in [9, 10, 11, 99, 101, 1001] {
            let sets = [ItemSet("s", (0..<count).map { ("i\($0)", UInt32($0), [UInt8](repeating: 7, count: $0 % 50)) })]
            let reply = try BSONReply(sets)
            let output = OutputBuffer()
            reply.write(to: output)
            #expect(output.count == reply.size)
            let request = Array(output.all.dropLast()) + [2] + Array("name\0".utf8) + [2, 0, 0, 0, 65, 0, 0]
            let size = withUnsafeBytes(of: Int32(request.count).littleEndian) { Array($0) }
            let again = try InvocationDocument(Blob(size + request.dropFirst(4)), counter: .unlimited)
            #expect(again.inputs.sets.map(PlainSet.init) == sets.map(PlainSet.init))
        }
    }

    @Test func longDataIsNotCopied() throws {
        let long = Blob([UInt8](repeating: 5, count: 100_000))
        let reply = try BSONReply([ItemSet(name: Blob("s"), items: [Item(ident: .empty, data: long)])])
        let output = OutputBuffer()
        reply.write(to: output)
        output.consume(output.first.count)
        #expect(output.first.baseAddress == long.start)
    }

    @Test func moreThanTwoGigabytesAreRefused() {
        // The bytes are never touched, so the blob may claim more than there are.
        let huge = Blob(storage: nil, start: Blob("x").start, count: Int(Int32.max))
        #expect(throws: (any Error).self) {
            try BSONReply([ItemSet(name: .empty, items: [Item(ident: .empty, data: huge)])])
        }
    }
}
