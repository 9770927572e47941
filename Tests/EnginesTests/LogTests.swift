import Glibc
import Testing

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
}
