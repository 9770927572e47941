import Failure
import Foundation
import Items
import Testing

@testable import Registry

@Suite struct StoreDamageTests {
    private static func filled() throws -> Scratch {
        let scratch = Scratch()
        let store = try Store(directory: scratch.path)
        for name in ["a", "b"] {
            try store.save(name, image: Blob("image of \(name)"), bound: [Item(ident: .empty, data: Blob(name))])
            try store.save(compositions: [name], text: "text of \(name)")
        }
        return scratch
    }

    private static func names(_ store: Store) -> [String] {
        store.functions().map(\.definition.name) + store.compositions().map(\.name)
    }

    @Test func leftoversOfACrashAreRemoved() throws {
        let scratch = try Self.filled()
        try scratch.put([1], "temporary/c")
        try scratch.put([2], "contents/\(Store.digest(of: Blob("nobody's")))")
        #expect(Self.names(try Store(directory: scratch.path)) == ["a", "b", "a", "b"])
        #expect(scratch.names("temporary").isEmpty && scratch.names("contents").count == 4)
    }

    /// A record cut anywhere, or with any byte changed, is set aside; the others load.
    @Test(arguments: [("functions/a", ["b", "a", "b"]), ("compositions/2", ["a", "b", "b"])])
    func everyDamageOfARecordIsFound(file: String, rest: [String]) throws {
        let scratch = try Self.filled()
        let whole = try scratch.bytes(file)
        let name = String(file.split(separator: "/")[1])
        for at in stride(from: 0, to: whole.count, by: 7) {
            var flipped = whole
            flipped[at] ^= 1
            for damaged in [Array(whole[..<at]), flipped, whole + [10]] {
                let copy = try scratch.copy()
                try copy.put(damaged, file)
                #expect(Self.names(try Store(directory: copy.path)) == rest)
                #expect(copy.names("damaged") == [name])
                #expect(try copy.bytes("damaged/\(name)") == damaged)
            }
        }
    }

    @Test func damagedFilesDoNotReplaceEachOther() throws {
        let scratch = try Self.filled()
        for round in 1...3 {
            try scratch.put([UInt8(round)], "functions/c")
            _ = try Store(directory: scratch.path)
        }
        #expect(scratch.names("damaged") == ["c", "c.2", "c.3"])
    }

    @Test func aRecordWithoutItsContentsIsSetAside() throws {
        let scratch = try Self.filled()
        try scratch.put(Array("imagE of a".utf8), "contents/\(Store.digest(of: Blob("image of a")))")
        try FileManager.default.removeItem(atPath: "\(scratch.path)/contents/\(Store.digest(of: Blob("b")))")
        #expect(Self.names(try Store(directory: scratch.path)) == ["a", "b"])
        #expect(scratch.names("damaged") == ["a", "b"] && scratch.names("contents").isEmpty)
    }

    @Test func aRecordInTheWrongPlaceIsSetAside() throws {
        let scratch = try Self.filled()
        try scratch.put(try scratch.bytes("functions/a"), "functions/c")
        try scratch.put(try scratch.bytes("compositions/2"), "compositions/9")
        let doubled = StoredText(names: ["x", "a"], text: "").json(sequence: 8)
        try scratch.put(StoreFormat.frame(doubled), "compositions/8")
        #expect(Self.names(try Store(directory: scratch.path)) == ["a", "b", "a", "b"])
        #expect(scratch.names("damaged") == ["8", "9", "c"])
    }

    /// What cannot be read now may be good later, so it stays, and so do all contents.
    @Test func whatCannotBeReadStays() throws {
        let scratch = try Self.filled()
        try FileManager.default.createDirectory(
            atPath: "\(scratch.path)/functions/folder", withIntermediateDirectories: false)
        #expect(mkfifo("\(scratch.path)/functions/pipe", 0o600) == 0)
        try FileManager.default.createSymbolicLink(
            atPath: "\(scratch.path)/functions/link", withDestinationPath: "/etc/passwd")
        try FileManager.default.createSymbolicLink(
            atPath: "\(scratch.path)/compositions/5", withDestinationPath: "/etc/passwd")
        try scratch.put([1], "contents/unknown")
        let store = try Store(directory: scratch.path)
        #expect(Self.names(store) == ["a", "b", "a", "b"])
        #expect(scratch.names("functions") == ["a", "b", "folder", "link", "pipe"])
        #expect(scratch.names("contents").contains("unknown") && scratch.names("damaged").isEmpty)
        #expect(#expect(throws: Failure.self) { try store.save("link", image: .empty) }?.kind == .conflict)
        try store.save(compositions: ["new"], text: "")
        #expect(scratch.names("compositions") == ["2", "4", "5", "6"])
    }

    /// JSON that is well framed and yet no record, whatever it says, is set aside.
    @Test func mutatedJSONNeverTraps() throws {
        let scratch = Scratch()
        var whole: [UInt8] = []
        do {
            let store = try Store(directory: scratch.path)
            try store.save("a", image: .empty, bound: [Item(ident: .empty, data: .empty)])
            whole = try scratch.bytes("functions/a")
        }
        let json = Array(whole[(try #require(whole.firstIndex(of: 10)) + 1)...].dropLast())
        let words = ["null", "-1", "1e9", "9223372036854775807", "\"\"", "[]", "{}", "true", "\"%\"", "4294967296"]
        var random = SplitMix(seed: 5)
        for round in 0..<400 {
            var mutant = json
            let at = Int.random(in: 0..<mutant.count, using: &random)
            if round % 2 == 0 {
                // Replaces the value behind some colon.
                let colons = mutant.indices.filter { mutant[$0] == UInt8(ascii: ":") }
                let start = (colons.randomElement(using: &random) ?? 0) + 1
                let end = mutant[start...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") } ?? start
                mutant.replaceSubrange(start..<end, with: (words.randomElement(using: &random) ?? "").utf8)
            } else {
                mutant[at] = UInt8.random(in: 0x20..<0x7F, using: &random)
            }
            try scratch.put(StoreFormat.frame(String(decoding: mutant, as: UTF8.self)), "functions/a")
            try scratch.put([], "contents/\(Store.digest(of: .empty))")
            let store = try Store(directory: scratch.path)
            #expect(store.functions().count == scratch.names("functions").count)
            guard round % 20 == 0 else { continue }
            try store.save("next", image: .empty)
            try store.removeFunction("next")
        }
    }
}
