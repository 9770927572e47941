@testable import Config
import Foundation
import Testing

@testable import Values

@Suite struct JSONTests {
    @Test func values() throws {
        let value = try JSONReader.read(#" {"a": [1, -2.5e1, true, null, "x\n\u00e9\ud83d\ude00"], "b": {}} "#)
        let elements = try #require(value["a"]).elements.map(\.kind)
        #expect(elements == [.integer(1), .float(-25), .boolean(true), .null, .string("x\né😀")])
        #expect(value["c"] == nil && value["a"]?["c"] == nil && value["b"]?.entries.isEmpty == true)
        #expect(value["b"]?.place == Place(line: 1, column: 63))
        #expect(value.json == #"{"a":[1,-25.0,true,null,"x\né😀"],"b":{}}"#)
    }

    @Test func placesCountLinesAndCodePoints() throws {
        let value = try JSONReader.read("{\n \"é\": 1,\n \"b\": 2}")
        #expect(value["é"]?.place == Place(line: 2, column: 7))
        #expect(value.entries.last?.keyPlace == Place(line: 3, column: 2))
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{a:1}", "01", "1.", "-", "+1", "1e", ".5", "nul", "truex",
        "\"", "\"\\x\"",
        "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800\\u0041\"", "\"\\u00g0\"", "\"\t\"", "[1] 2",
        "1e999", "'a'", "// c\n1",
    ])
    func refused(text: String) {
        #expect(throws: JSONReader.Failed.self) { try JSONReader.read(text) }
    }

    @Test func refusedBytes() {
        #expect(throws: JSONReader.Failed.self) { try JSONReader.read(bytes: [0x22, 0xFF, 0x22]) }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONReader.Failed.self) { try JSONReader.read(deep) }
    }

    @Test func errorsHavePlaces() {
        let error = #expect(throws: JSONReader.Failed.self) { try JSONReader.read("{\n  \"a\" 1}") }
        #expect(error == JSONReader.Failed(place: Place(line: 2, column: 7), message: "expected ':'"))
    }

    /// Everything written is read back the same, also by another reader.
    @Test func roundTrip() throws {
        var random = SplitMix(seed: 11)
        for _ in 0..<300 {
            let value = Self.random(&random, depth: 0)
            let text = value.json
            #expect(try JSONReader.read(text).json == text)
            _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        }
    }

    private static func random(_ random: inout SplitMix, depth: Int) -> ParsedValue {
        let place = Place(line: 1, column: 1)
        let pick = Int.random(in: 0..<(depth < 4 ? 7 : 5), using: &random)
        func text() -> String {
            String(
                (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                    "aé\"\\\n\u{1}\t😀/".randomElement(using: &random) ?? "a"
                })
        }
        switch pick {
        case 0: return ParsedValue(.string(text()), at: place)
        case 1: return ParsedValue(.integer(Int64(bitPattern: random.next())), at: place)
        case 2: return ParsedValue(.float(Double.random(in: -1e9...1e9, using: &random)), at: place)
        case 3: return ParsedValue(.boolean(Bool.random(using: &random)), at: place)
        case 4: return ParsedValue(.null, at: place)
        case 5:
            let elements = (0..<3).map { _ in Self.random(&random, depth: depth + 1) }
            return ParsedValue(.array(elements), at: place)
        default:
            let entries = (0..<3).map {
                ParsedEntry(key: "\($0)" + text(), at: place, value: Self.random(&random, depth: depth + 1))
            }
            return ParsedValue(.table(entries), at: place)
        }
    }
}
