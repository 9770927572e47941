import Failure
import Foundation
import TestSupport
import Testing
import Values

@testable import Identity

/// A log that shows whether it was changed.
@Suite(.serialized) struct AuditTests {
    private let path = "\(Temporary.folder)/audit-\(UUID()).jsonl"

    private func write(_ count: Int, to path: String? = nil) throws {
        let log = try AuditLog(path: path ?? self.path)
        for number in 0..<count {
            var event = AuditLog.Event("invoke", result: "200")
            event.target = "f\(number)\n\"{\u{1F980}"
            event.who = "token:0123"
            log.add(event)
        }
        log.stop()
    }

    private func lines() throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private func verify(_ texts: [String], looksFor wanted: String? = nil) throws(Failure) -> AuditVerifier {
        var verifier = AuditVerifier(looksFor: wanted)
        for (index, text) in texts.enumerated() { try verifier.read(Array(text.utf8), "file \(index)") }
        return verifier
    }

    @Test func goesOnBehindWhatIsThere() throws {
        defer { Temporary.remove(path) }
        try write(10)
        let first = try verify([try lines().joined(separator: "\n") + "\n"])
        #expect(first.entries == 11)
        // What a crash left of a line.
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"time\":\"2026".utf8))
        try handle.close()
        try write(5)
        let all = try String(contentsOfFile: path, encoding: .utf8)
        let second = try verify([all], looksFor: first.last)
        #expect(second.entries == 16 && second.hasFound)
        for line in try lines() { #expect((try? JSONReader.read(line))?["action"]?.text != nil) }
        // A rotated one goes on in the next file.
        let log = try AuditLog(path: path)
        defer { Temporary.remove(path + ".1") }
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        log.reopen()
        while !FileManager.default.fileExists(atPath: path) { usleep(1000) }
        log.add(AuditLog.Event("stop", result: ""))
        log.stop()
        let next = try String(contentsOfFile: path, encoding: .utf8)
        #expect(try verify([all, next]).entries == 18)
        #expect(throws: Failure.self) { try verify([next, all]) }
    }

    /// Every change of a byte, every line that is gone, moved or doubled, is found.
    @Test func whateverIsChangedIsFound() throws {
        defer { Temporary.remove(path) }
        try write(6)
        let lines = try lines()
        func isFound(_ changed: [String]) -> Bool {
            (try? verify([changed.map { $0 + "\n" }.joined()])) == nil
        }
        #expect(!isFound(lines))
        for index in lines.indices {
            var changed = lines
            changed.remove(at: index)
            // Only the last line can go unseen, and not by who has its hash.
            #expect(isFound(changed) == (index < lines.count - 1), "without \(index)")
            changed = lines
            changed.insert(lines[index], at: index)
            #expect(isFound(changed), "\(index) twice")
            guard index > 0 else { continue }
            changed = lines
            changed.swapAt(index, index - 1)
            #expect(isFound(changed), "\(index) moved")
        }
        let text = lines.map { $0 + "\n" }.joined()
        var bytes = Array(text.utf8)
        for place in bytes.indices {
            bytes[place] ^= 1
            var verifier = AuditVerifier()
            #expect(throws: Failure.self, "byte \(place)") { try verifier.read(bytes, "f") }
            bytes[place] ^= 1
        }
        let last = try #require(try verify([text]).last)
        let cut = lines.dropLast().map { $0 + "\n" }.joined()
        #expect(try !verify([cut], looksFor: last).hasFound)
        #expect(throws: Failure.self) { try verify([String(text.dropLast())]) }
    }

    @Test func otherFilesAreNotAppendedTo() throws {
        defer { Temporary.remove(path) }
        for text in ["hello\n", "{}\n", "no end"] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            #expect(throws: Failure.self, "\(text)") { try AuditLog(path: path) }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        }
    }
}
