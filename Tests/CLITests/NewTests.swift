import Foundation
import Testing

@Suite struct NewTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "new-\(UUID().uuidString)")

    /// The templates of the tree with empty configs beside them, as in an SDK folder.
    private func sdk() throws -> String {
        let sdk = folder.appending(path: "sdk")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        try FileManager.default.createDirectory(at: sdk, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: root.appending(path: "SDK/templates"), to: sdk.appending(path: "templates"))
        for config in ["-freestanding", "", "-debug", "++", "++-debug", "-wasm"] {
            try Data().write(to: sdk.appending(path: "dandelion\(config).cfg"))
        }
        try FileManager.default.createDirectory(at: sdk.appending(path: "python"), withIntermediateDirectories: true)
        try Data().write(to: sdk.appending(path: "python/python"))
        return sdk.path
    }

    @Test(arguments: [("c", "main.c"), ("cpp", "main.cpp"), ("wasm", "main.c")])
    func project(kind: String, source: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sdk = try sdk()
        let ran = try Ran(["new", kind, "my.fun-1", "--sdk", "sdk"], folder: folder.path)
        #expect(ran.status == 0 && ran.output.hasPrefix("my.fun-1/ is a project") && ran.errors.isEmpty)
        let project = folder.appending(path: "my.fun-1")
        let names = try FileManager.default.contentsOfDirectory(atPath: project.path).sorted()
        #expect(names == [".gitignore", "Makefile", "README.md", "input_sets", source])
        let makefile = String(decoding: try Data(contentsOf: project.appending(path: "Makefile")), as: UTF8.self)
        #expect(makefile.contains("NAME := my.fun-1\nSOURCES := \(source)\n"))
        #expect(makefile.contains("DANDELION_SDK ?= \(folder.path)/sdk\n") && sdk == "\(folder.path)/sdk")
        let readme = String(decoding: try Data(contentsOf: project.appending(path: "README.md")), as: UTF8.self)
        // Every name between @ signs has been replaced.
        for text in [makefile, readme] { #expect(!text.contains(/@[A-Z]+@/)) }
    }

    @Test func pythonProject() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sdk = try sdk()
        let ran = try Ran(["new", "python", "words", "--sdk", "sdk"], folder: folder.path)
        #expect(ran.status == 0 && ran.errors.isEmpty)
        let project = folder.appending(path: "words")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: project.path).sorted() == [
                ".gitignore", "Makefile", "README.md", "function.py", "input_sets", "requirements.txt",
                "test_function.py",
            ])
        #expect(FileManager.default.fileExists(atPath: project.path + "/input_sets/texts/fog.txt"))
        for name in ["Makefile", "README.md"] {
            let text = String(decoding: try Data(contentsOf: project.appending(path: name)), as: UTF8.self)
            #expect(text.contains("words") && !text.contains(/@[A-Z]+@/))
        }
        try FileManager.default.removeItem(atPath: sdk + "/python/python")
        let without = try Ran(["new", "python", "other", "--sdk", "sdk"], folder: folder.path)
        #expect(without.status == 66 && without.errors.contains("has no python/python"))
        #expect(without.errors.contains("`./dev python` in Dandelion's source tree builds it"))
    }

    @Test func mistakes() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let sdk = try sdk()
        let none = try Ran(["new", "c", "f", "--sdk", "/nonexistent"], folder: folder.path)
        #expect(none.status == 66 && none.errors.hasPrefix("dandelion: /nonexistent is no SDK folder: "))
        // The sources of the SDK look much like the SDK that is built from them.
        let sources = URL(fileURLWithPath: Ran.shipped).deletingLastPathComponent().appending(path: "SDK").path
        #expect(try Ran(["new", "c", "f", "--sdk", sources], folder: folder.path).status == 66)
        try FileManager.default.removeItem(atPath: sdk + "/dandelion++-debug.cfg")
        let partial = try Ran(["new", "cpp", "f", "--sdk", sdk], folder: folder.path)
        #expect(partial.status == 66 && partial.errors.contains("has no dandelion++-debug.cfg"))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/f"))
        try Data().write(to: URL(fileURLWithPath: sdk + "/dandelion++-debug.cfg"))
        #expect(try Ran(["new", "cobol", "f", "--sdk", sdk], folder: folder.path).status == 64)
        for name in ["a/b", "", "-x", ".x", "a b", "ä"] {
            #expect(try Ran(["new", "c", "--sdk", sdk, "--", name], folder: folder.path).status == 64)
        }
        #expect(try Ran(["new", "c", "f", "--sdk", sdk], folder: folder.path).status == 0)
        let twice = try Ran(["new", "c", "f", "--sdk", sdk], folder: folder.path)
        #expect(twice.status == 73 && twice.errors == "dandelion: f: File exists\n")
        try FileManager.default.removeItem(atPath: sdk + "/templates/main.cpp")
        #expect(try Ran(["new", "cpp", "g", "--sdk", sdk], folder: folder.path).status == 66)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/g"))
    }
}
