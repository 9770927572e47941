import Failure
import Foundation
import Items
import Testing

@testable import Registry

@Suite struct StoreTests {
    /// NIST FIPS 180-4 examples.
    @Test func digests() {
        #expect(
            Store.digest(of: .empty) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let digest = Store.digest(of: Blob("abc"))
        #expect(digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Store.isDigest(digest))
        for bad in ["", digest.uppercased(), String(digest.dropLast()), digest + "0", "../" + digest.dropFirst(3)] {
            #expect(!Store.isDigest(bad), "\(bad)")
        }
    }

    @Test func namesCannotLeaveTheFolder() {
        for name in ["..", ".", "a/b", "/etc/passwd", "../../x", ".hidden", "a\0b", "~x", "%41", "é", "a b", "\n"] {
            let file = StoreName.fileName(for: name, in: Space.standard)
            #expect(file.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }, "\(name)")
            #expect(file.first != "." && file.first != "~", "\(name)")
            #expect(StoreName.decode(file).map { String(decoding: $0, as: UTF8.self) } == name)
        }
        let long = StoreName.fileName(for: String(repeating: "/", count: 5000), in: Space.standard)
        #expect(long.utf8.count == 65 && long.first == "~")
        for bad in ["%", "%4", "%4g", "%41", "a/b", ".", "%2f", "%+1"] {
            #expect(StoreName.decode(bad) == nil, "\(bad)")
        }
    }

    /// Records of before there were spaces are the default tenant's, and names of two tenants have files of their own.
    @Test func tenantsHaveNamesOfTheirOwn() throws {
        let scratch = Scratch()
        let image = Blob("image")
        let digest = Store.digest(of: image)
        func definition(_ space: String) -> FunctionDefinition {
            var definition = FunctionDefinition(name: "f", className: "c", inputs: [], outputs: [])
            definition.space = space
            return definition
        }
        let spaces = [Space.standard, "alice", "bob/../x", "alice\u{7e}"]
        func store() throws -> Store { try Store(directory: scratch.path) }
        do {
            let store = try store()
            for space in spaces {
                try store.save(definition(space), image: image, digest: digest)
                try store.save(compositions: ["f"], text: space, space: space)
                #expect(throws: Failure.self) { try store.save(definition(space), image: image, digest: digest) }
                #expect(throws: Failure.self) { try store.save(compositions: ["f"], text: "", space: space) }
            }
            #expect(scratch.names("contents") == [digest])
            #expect(throws: Failure.self) { try store.removeFunction("f", in: "carol") }
            #expect(throws: Failure.self) { try store.removeComposition("f", in: "carol") }
            try store.removeFunction("f", in: "alice")
            try store.removeComposition("f", in: "alice")
        }
        let left = spaces.filter { $0 != "alice" }
        do {
            let store = try store()
            #expect(store.functions().map(\.definition.space) == left)
            #expect(store.compositions().map(\.space) == left && store.compositions().map(\.text) == left)
            for space in left { try store.removeFunction("f", in: space) }
            #expect(scratch.names("contents").isEmpty)
        }
        // As an earlier version wrote it.
        let json = #"{"sequence": 9, "names": ["old"], "text": "t", "tenant": "alice"}"#
        try scratch.put(StoreFormat.frame(json), "compositions/9")
        #expect(try store().compositions().last == StoredComposition(name: "old", text: "t", tenant: "alice"))
    }

    @Test func survivesARestart() throws {
        let scratch = Scratch()
        let folder = scratch.path + "/deep/er"
        let items = [
            Item(ident: Blob([0, 255, 37]), key: .max, data: Blob([UInt8](repeating: 9, count: 100_000))),
            Item(ident: .empty, key: 0, data: .empty),
        ]
        let long = String(repeating: "n", count: 3000)
        func saved() throws -> [String] {
            let store = try Store(directory: folder)
            try store.save("zz", image: Blob([1, 2, 3]), bound: items)
            try store.save("../é \0", image: Blob([1, 2, 3]), bound: [])
            try store.save(long, image: .empty)
            try store.save(
                FunctionDefinition(name: "least", className: "", inputs: [], outputs: []), image: .empty,
                digest: Store.digest(of: .empty))
            try store.save(compositions: ["b", "a"], text: "text \"\u{1}é\n")
            try store.save(compositions: ["é"], text: "")
            return store.functions().map(describe)
        }
        let before = try saved()
        let store = try Store(directory: folder)
        #expect(store.functions().map(describe) == before)
        #expect(store.functions().map(\.definition.name) == ["zz", "../é \0", long, "least"])
        #expect(
            store.compositions() == [
                StoredComposition(name: "b", text: "text \"\u{1}é\n"),
                StoredComposition(name: "a", text: "text \"\u{1}é\n"), StoredComposition(name: "é", text: ""),
            ])
        let bound = try #require(store.functions().first?.definition.inputs.last?.bound)
        #expect(
            bound.map(\.ident.array) == items.map(\.ident.array) && bound.map(\.data.array) == items.map(\.data.array))
        #expect(try store.image(Store.digest(of: Blob([1, 2, 3]))).array == [1, 2, 3])
        #expect(try store.image(Store.digest(of: .empty)).count == 0)
        #expect(FileManager.default.fileExists(atPath: try store.cacheDirectory(of: Space.standard)))
        #expect(try store.cacheDirectory(of: "a/..") == "\(folder)/caches/a%2F%2E%2E")
    }

    @Test func aDuplicateChangesNothing() throws {
        let scratch = Scratch()
        let store = try Store(directory: scratch.path)
        try store.save("f", image: Blob("one"))
        try store.save(compositions: ["f", "g"], text: "one")
        #expect(#expect(throws: Failure.self) { try store.save("f", image: Blob("two")) }?.kind == .conflict)
        let error = #expect(throws: Failure.self) { try store.save(compositions: ["h", "g"], text: "two") }
        #expect(error?.kind == .conflict)
        #expect(scratch.names("contents") == [Store.digest(of: Blob("one"))])
        for store in [store, try Store(directory: scratch.path)] {
            #expect(store.functions().map(\.digest) == [Store.digest(of: Blob("one"))])
            #expect(store.compositions().map(\.name) == ["f", "g"])
        }
    }

    @Test func contentsLiveAsLongAsAFunctionNeedsThem() throws {
        let scratch = Scratch()
        let store = try Store(directory: scratch.path)
        let shared = Blob("shared")
        let item = Item(ident: .empty, data: shared)
        try store.save("a", image: shared, bound: [item, item])
        try store.save("b", image: shared)
        #expect(scratch.names("contents").count == 1)
        try store.removeFunction("a")
        #expect(try store.image(Store.digest(of: shared)).text == "shared")
        try store.removeFunction("b")
        #expect(scratch.names("contents").isEmpty)
        #expect(#expect(throws: Failure.self) { try store.removeFunction("b") }?.kind == .notFound)
        #expect(#expect(throws: Failure.self) { try store.image(Store.digest(of: shared)) }?.kind == .internal)
        try store.save("a", image: shared)
        #expect(try Store(directory: scratch.path).functions().map(\.definition.name) == ["a"])
    }

    @Test func compositionsOfOneTextLeaveOneByOne() throws {
        let scratch = Scratch()
        let store = try Store(directory: scratch.path)
        try store.save(compositions: ["a", "b"], text: "both")
        try store.removeComposition("a")
        #expect(#expect(throws: Failure.self) { try store.removeComposition("a") }?.kind == .notFound)
        try store.save(compositions: ["a"], text: "new")
        #expect(try Store(directory: scratch.path).compositions().map(\.text) == ["both", "new"])
        try store.removeComposition("b")
        #expect(scratch.names("compositions").count == 1)
        #expect(try Store(directory: scratch.path).compositions() == [StoredComposition(name: "a", text: "new")])
    }

    @Test func manyThreads() throws {
        let scratch = Scratch()
        let store = try Store(directory: scratch.path)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for round in 0..<10 {
                try? store.save("f\(round)", image: Blob("image \(round % 3)"))
                if round % 2 == thread % 2 { try? store.removeFunction("f\(round)") }
            }
        }
        let again = try Store(directory: scratch.path)
        #expect(again.functions().map(describe) == store.functions().map(describe))
        #expect(Set(again.functions().map(\.definition.name)) == Set(scratch.names("functions")))
        #expect(Set(again.functions().map(\.digest)) == Set(scratch.names("contents")))
        #expect(scratch.names("damaged").isEmpty)
    }

    @Test func aFolderThatCannotBe() throws {
        for path in ["/proc/nowhere", "/dev/null", "/dev/null/x", ""] {
            #expect(throws: Failure.self, "\(path)") { _ = try Store(directory: path) }
        }
    }
}
