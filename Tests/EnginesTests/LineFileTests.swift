import Foundation
import Testing

@testable import Telemetry

@Suite struct LineFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-lines-\(UUID())").path
    private var path: String { folder + "/log" }
    private let lost = Metrics().cell("lost", "")

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    private func waits(_ condition: () -> Bool) -> Bool {
        for _ in 0..<2000 where !condition() { usleep(2000) }
        return condition()
    }

    @Test func keepsTheOrderOfManyThreads() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = try LineFile(path: path, lost: lost)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for number in 0..<2000 { file.add(Array("\(thread) \(number)".utf8)) }
        }
        file.stop()
        var next = [0, 0, 0, 0]
        for line in text(path).split(separator: "\n") {
            let words = line.split(separator: " ").compactMap { Int($0) }
            #expect(words.count == 2 && next[words[0]] == words[1])
            next[words[0]] += 1
        }
        #expect(next == [2000, 2000, 2000, 2000] && lost.current == 0)
    }

    /// The file is moved away: what comes after the signal is in a new one, and nothing is lost between.
    @Test func opensAnew() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = try LineFile(path: path, lost: lost)
        file.add(Array("before".utf8))
        #expect(waits { text(path) == "before\n" })
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        file.add(Array("between".utf8))
        file.reopen()
        #expect(waits { FileManager.default.fileExists(atPath: path) })
        file.add(Array("after".utf8))
        file.stop()
        #expect(text(path + ".1") + text(path) == "before\nbetween\nafter\n")
        #expect(text(path).hasSuffix("after\n"))
    }

    /// A pipe that nobody empties: adding takes no time, the end comes, and every line is either written or counted.
    @Test func aReaderThatHangsHoldsNobodyUp() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try #require(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let file = try LineFile(path: path, lost: lost)
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 999)
        for _ in 0..<5000 { file.add(line) }
        #expect(lost.current > 2000)
        file.stop()
        var written = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(reader, &buffer, buffer.count), count > 0 {
            written += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
        }
        #expect(written + lost.current == 5000, "\(written) written, \(lost.current) lost")
    }

    @Test func aFileThatCannotBeOpenedIsTold() {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(throws: (any Error).self) { try LineFile(path: folder + "/none/log", lost: lost) }
    }
}
