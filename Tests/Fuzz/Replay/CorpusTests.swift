import Foundation
import Testing

func failed(_ what: String) { Issue.record("\(what)") }

/// What fuzzing has found worth keeping, once more through its targets, without a sanitizer.
@Suite struct CorpusTests {
    private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "corpus")

    @Test(arguments: roomTargets.keys.sorted()) func everyInputOfTheCorpusHolds(name: String) throws {
        let target = try #require(roomTargets[name])
        let folder = Self.corpus.appending(path: name)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: folder.appending(path: file)))
            let begun = Date()
            bytes.withUnsafeBytes(target)
            // And what it is cut to, and with other bytes behind it.
            bytes.prefix(bytes.count / 2).withUnsafeBytes(target)
            (bytes + bytes.prefix(64)).withUnsafeBytes(target)
            #expect(Date().timeIntervalSince(begun) < 20, "\(file)")
        }
    }
}
