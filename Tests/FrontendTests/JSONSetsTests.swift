import Engines
import Failure
import Glibc
import Items
import Memory
import Testing

@testable import Frontend
import Values

@Suite struct JSONSetsTests {
    private func parse(_ text: String, budget: MemoryBudget = MemoryBudget()) throws -> [PlainSet] {
        try JSONSetsReader.read(Blob(text), budget.own).sets.map(PlainSet.init)
    }

    private func write(_ sets: [ItemSet]) throws -> Blob { try JSONReply.make(sets, MemoryBudget().own) }

    @Test func readsSets() throws {
        let text = """
            {"sets": [{"name": "x", "items": [{"ident": "a", "key": 4294967295, "data": "AAH\\/"}, {"text": "h\\u00e9"}]},
                      {"items": []}]}
            """
        let expected = [ItemSet("x", [("a", .max, [0, 1, 255]), ("", 0, Array("hé".utf8))]), ItemSet("", [])]
        #expect(try parse(text) == expected.map(PlainSet.init))
        let nulls = #"{"sets":[{"items":[{"ident":null,"key":null,"data":null,"text":"a"}],"name":null}]}"#
        #expect(try parse(nulls) == [PlainSet(ItemSet("", [("", 0, [97])]))])
        #expect(try parse(#"{"\u0073ets":[]}"#).isEmpty)
    }

    @Test(arguments: [
        #"§"#, #"§[]"#, #"{§}"#, #"{"sets": §1}"#, #"{"sets":[]§"#, #"{"sets":[]}§x"#,
        // Commas too many and too few.
        #"{"sets":[],§}"#, #"{"sets":[{"items":[]},§]}"#, #"{"sets":[{"items":[],§}]}"#,
        #"{"sets":[{"items":[{"text":""},§]}]}"#, #"{"sets":[{"items":[{"text":"",§}]}]}"#,
        #"{"sets":[{"items":[{"text":""}§{}]}]}"#,
        // Members that are not used, or come again.
        "{\"sets\":[],\n §\"z\":[1,]}", #"{§"z":1,"sets":[]}"#, #"{"sets":[],§"sets":[]}"#,
        #"{"sets":[{"items":[],§"items":[]}]}"#, #"{"sets":[{§"nam":"a","items":[]}]}"#,
        #"{"sets":[{"items":[{"text":"",§"txt":1}]}]}"#,
        #"{"sets":[{"items":[{"key":1,§"key":1,"text":""}]}]}"#,
        // Types and ranges.
        #"{"sets":[{"name":§1,"items":[]}]}"#, #"{"sets":[{"items":§{}}]}"#,
        #"{"sets":[{"items":[§1]}]}"#, #"{"sets":[{"items":[{"key":§-1,"text":""}]}]}"#,
        #"{"sets":[{"items":[{"key":§4294967296,"text":""}]}]}"#,
        #"{"sets":[{"items":[{"key":§1.0,"text":""}]}]}"#, #"{"sets":[{"items":[{"key":0§1}]}]}"#,
        #"{"sets":[{"items":[{"key":§"1"}]}]}"#, #"{"sets":[{"items":[{"text":§true}]}]}"#,
        #"{"sets":[{"items":[{"data":"§%"}]}]}"#, #"{"sets":[{"items":[{"data":"§AA"}]}]}"#,
        #"{"sets":[{"items":[{"data":"§AB=="}]}]}"#, "{\"sets\":[{\"items\":[{\"ident\":§\"\\u0000\"}]}]}",
        // Items without content, or with too much.
        #"{"sets":[{"items":[§{}]}]}"#, #"{"sets":[{"items":[§{"text":null}]}]}"#,
        #"{"sets":[{"items":[{"data":"","text":§""}]}]}"#, #"{"sets":[{§}]}"#,
        // Strings; columns count characters.
        "{\"sets\":[{\"name\":\"é§\\x\"}]}", "{\"sets\":[{\"name\":\"é§\n\"}]}", #"{"sets":[{"name":§"a"#,
    ])
    func namesTheLineAndColumnOfAnError(_ marked: String) throws {
        // The sign stands where the error is, and is not part of the text.
        let lines = marked.split(separator: "\n", omittingEmptySubsequences: false)
        let place = try #require(lines.firstIndex { $0.contains("§") })
        let (line, column) = (place + 1, lines[place].prefix { $0 != "§" }.count + 1)
        let text = marked.replacing("§", with: "")
        do throws(Problem) {
            _ = try JSONSetsReader.read(Blob(text), MemoryBudget().own)
            Issue.record("accepted \(text)")
        } catch {
            #expect(error.status == .badRequest)
            let facts = ["line", "column"].map { name in error.facts.first { $0.name == name }?.value }
            #expect(facts == ["\(line)", "\(column)"], "\(text): \(error.detail)")
            #expect(error.detail.contains("(line \(line), column \(column))"))
        }
    }

    @Test func namesTheItemOfAnError() {
        let text = #"{"sets":[{"items":[]},{"items":[{"text":""},{"text":""},{"key":true}]}]}"#
        #expect { try parse(text) } throws: { ($0 as? Problem)?.detail.contains("sets.1.items.2") == true }
    }

    @Test func invalidUTF8IsRefused() {
        let bytes = Array(#"{"sets":[{"items":[{"text":""#.utf8) + [0xed, 0xa0, 0x80] + Array(#""}]}]}"#.utf8)
        #expect(throws: Problem.self) { try JSONSetsReader.read(Blob(bytes), MemoryBudget().own) }
    }

    /// What decoding takes beside the body is charged, and little.
    @Test func memoryStaysWithinTheBodys() throws {
        let longEscapes = #"{"sets":[{"items":[{"text":""# + String(repeating: "\\n", count: 1 << 20) + #""}]}]}"#
        let longData = #"{"sets":[{"items":[{"data":""# + String(repeating: "QUJD", count: 1 << 19) + #""}]}]}"#
        let short = String(repeating: #"{"data":"QQ=="},"#, count: 90_000) + #"{"text":"\n"}"#
        // Two bytes for six, and what is charged ahead.
        let longUnits = #"{"sets":[{"items":[{"text":""# + String(repeating: #"\u00e9"#, count: 2 << 20) + #""}]}]}"#
        let many = #"{"sets":[{"items":[\#(short)]}]}"#
        for (text, most) in [(longEscapes, 1.0), (longData, 1.0), (longUnits, 0.5), (many, 14.0)] {
            let budget = MemoryBudget()
            do {
                let sets = try JSONSetsReader.read(Blob(text), budget.own)
                #expect(budget.usedByData > 1000)
                #expect(Double(budget.usedByData) <= most * Double(text.utf8.count), "\(budget.usedByData)")
                withExtendedLifetime(sets) {}
            }
            // Large memory is freed, and its charge given back, by a thread of its own.
            for _ in 0..<2000 where budget.usedByData != 0 { usleep(1000) }
            #expect(budget.usedByData == 0)
        }
        let plain = #"{"sets":[{"items":[{"text":"\#(String(repeating: "é", count: 1 << 20))"}]}]}"#
        let budget = MemoryBudget()
        let body = Blob(plain)
        let sets = try JSONSetsReader.read(body, budget.own)
        #expect(budget.usedByData == 0 && sets.sets[0].items[0].data.lies(in: body))
    }

    /// Long values are written in pieces, of which each may end anywhere.
    @Test(arguments: 0..<4) func piecesOfLongValuesAreWhole(shift: Int) throws {
        let unit = #"ab\n\u00e9\ud83d\ude00"#
        let value = "ab\né\u{1F600}"
        let count = 3 * (1 << 19) / unit.utf8.count
        let head = String(repeating: "x", count: shift)
        let text = #"{"sets":[{"items":[{"text":""# + head + String(repeating: unit, count: count) + #""}]}]}"#
        let sets = try JSONSetsReader.read(Blob(text), MemoryBudget().own)
        #expect(sets.sets[0].items[0].data.text == head + String(repeating: value, count: count))
        // The same as data, plain and with escapes in it.
        let bytes = (0..<(3 << 19) + shift).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var json = JSONWriter()
        bytes.withUnsafeBytes { json.base64($0) }
        let plain = String(decoding: json.bytes, as: UTF8.self)
        for data in [plain, plain.replacing("/", with: #"\/"#)] {
            let sets = try JSONSetsReader.read(Blob(#"{"sets":[{"items":[{"data":\#(data)}]}]}"#), MemoryBudget().own)
            #expect(sets.sets[0].items[0].data.array == bytes)
        }
        // Padding ends data, also where a piece ends.
        let long = String(repeating: "QUJD", count: (1 << 18) - 1) + "QQ==" + String(repeating: "QUJD", count: 1 << 10)
        #expect(throws: Problem.self) { try parse(#"{"sets":[{"items":[{"data":"\#(long)"}]}]}"#) }
    }

    @Test func memoryThatIsNotThereIsRefused() {
        let text = #"{"sets":[{"items":[{"data":""# + String(repeating: "QUJD", count: 1 << 16) + #""}]}]}"#
        #expect { try parse(text, budget: MemoryBudget(limit: 1 << 18)) } throws: {
            ($0 as? Problem)?.status == .insufficientStorage
        }
        let items = String(repeating: #"{"text":""},"#, count: 5000) + #"{"text":""}"#
        #expect { try parse(#"{"sets":[{"items":[\#(items)]}]}"#, budget: MemoryBudget(limit: 1 << 18)) } throws: {
            ($0 as? Problem).map { $0.status == .insufficientStorage || $0.status == .tooManyRequests } == true
        }
    }

    @Test(arguments: [#"{"sets":[{"items":["#, #"{"sets":["#])
    func itemsAndSetsAreLimited(_ start: String) {
        let one = start.hasSuffix("items\":[") ? #"{"text":""},"# : #"{"items":[]},"#
        #expect { try parse(start + String(repeating: one, count: 100_001)) } throws: {
            ($0 as? Problem)?.status == .contentTooLarge
        }
    }

    /// However a text is cut into steps, it is read the same.
    @Test func stepsDoNotMatter() throws {
        let text =
            #"{"sets":[{"name":"x","items":[{"ident":"a","text":"b"},{"data":"QQ=="}]},{"items":[],"name":"y"}]}"#
        let whole = try parse(text)
        for step in 1...40 {
            var reader = JSONSetsReader(Blob(text), MemoryBudget().own)
            var result: DecodedSets?
            var turns = 0
            while result == nil {
                result = try reader.advance(by: step)
                turns += 1
            }
            #expect(result?.sets.map(PlainSet.init) == whole)
            #expect(step > 8 || turns > 2)
        }
    }

    @Test func writesWhatItReads() throws {
        let sets = [
            ItemSet(
                "x\"\\\n\u{1}é", [("a", 7, [0xff, 0xfe]), ("b", 0, Array("text \u{7f}\u{1F600}".utf8)), ("c", 1, [])])
        ]
        #expect(
            try JSONSetsReader.read(write(sets), MemoryBudget().own).sets.map(PlainSet.init)
                == sets.map(PlainSet.init))
        let small = [ItemSet("s", [("i", 2, [0xff])]), ItemSet("t", [("", 0, [65])])]
        let control = try write([ItemSet("s", [("", 0, [0]), ("", 0, [10])])])
        #expect(control.text.contains(#""data":"AA=="},{"ident":"","key":0,"text":"\n"}"#))
        #expect(
            try write(small).text
                == #"{"sets":[{"name":"s","items":[{"ident":"i","key":2,"data":"/w=="}]},"#
                + #"{"name":"t","items":[{"ident":"","key":0,"text":"A"}]}]}"#)
        let odd = ItemSet(name: Blob([0xff]), items: [Item(ident: Blob([0xc3]), data: .empty)])
        #expect(try write([odd]).text.contains("\"name\":\"\u{fffd}\""))
    }

    @Test func repliesAreChargedAtTheirSize() throws {
        let budget = MemoryBudget()
        let sets = [ItemSet("s", [("i", 0, [UInt8](repeating: 0x22, count: 1000))])]
        let reply = try JSONReply.make(sets, budget.own)
        #expect(budget.usedByData == reply.count && reply.count > 2000)
        #expect(throws: (any Error).self) { try JSONReply.make(sets, MemoryBudget(limit: 1000).own) }
    }

    @Test func base64IsPadded() {
        for (data, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            var json = JSONWriter()
            data.withBytes { json.base64($0) }
            #expect(String(decoding: json.bytes, as: UTF8.self) == "\"\(text)\"")
            var target = [UInt8](repeating: 0, count: 16)
            let count = target.withUnsafeMutableBytes { target in
                text.withBytes { source in target.baseAddress.flatMap { Base64.decode(source, into: $0) } }
            }
            #expect(count.map { Array(target.prefix($0)) } == Array(data.utf8))
        }
    }

    @Test func mutationsAreHarmless() throws {
        var random = Random(seed: 5)
        let sample = try write([ItemSet("x", [("a", 7, [0xff]), ("b", 0, Array("é\n".utf8))])]).array
        var refused = 0
        for _ in 0..<5000 where (try? parse(String(decoding: mutated(sample, &random), as: UTF8.self))) == nil {
            refused += 1
        }
        #expect(refused > 1000)
    }
}
