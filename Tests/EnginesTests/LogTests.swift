import Glibc
import Testing
import Values

@testable import Telemetry

@Suite struct LogTests {
    /// Nobody reads: no thread waits, and who reads later is told what is missing.
    @Test func aReaderThatHangsHoldsNobodyUp() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let line = String(repeating: "x", count: 10_000)
        for _ in 0..<100 { Log.put(line, to: ends[1]) }
        var kept = 0
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        func read() {
            let count = Glibc.read(ends[0], &buffer, buffer.count)
            text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        read()
        kept = text.split(separator: "\n").count
        #expect(kept > 0 && kept < 100)
        #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count == 4095 })
        Log.put("here again", to: ends[1])
        read()
        #expect(text.hasSuffix("here again\n"))
        #expect(text.contains(" warning \(100 - kept) lines of the log were lost\n"))
    }

    @Test func linesOfText() {
        let line = Log.textLine(.error, "ab1", "a\n\u{1b}[31m", at: "T")
        #expect(line == "T error request ab1: a\\xa\\x1b[31m")
        #expect(Log.textLine(.info, nil, "ready", at: "T") == "T info ready")
    }

    /// Whole objects, however long and odd the message is.
    @Test(arguments: ["said \"no\"\n\\", String(repeating: "\u{1}", count: 9000), String(repeating: "é", count: 5000)])
    func linesOfJSON(message: String) throws {
        let line = Log.jsonLine(.warning, "ab1", message, at: "T")
        #expect(line.utf8.count < 4096 && !line.contains("\n"))
        let read = try JSONReader.read(line)
        #expect(read["level"]?.text == "warning" && read["request_id"]?.text == "ab1" && read["time"]?.text == "T")
        let told = try #require(read["message"]?.text)
        #expect(message.hasPrefix(told.prefix(200)) && (message.utf8.count > 1000 || told == message))
    }

    @Test func timesAreRFC3339() {
        #expect(WallTime.text(1_769_846_709_120_999_999) == "2026-01-31T08:05:09.120Z")
        #expect(WallTime.text(0) == "1970-01-01T00:00:00.000Z")
    }
}
