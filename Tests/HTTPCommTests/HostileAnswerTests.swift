import CommHarness
import Glibc
import PluginABI
import Testing

/// Answers that are no HTTP, or hardly: each is refused with its reason or understood in the one way that RFC 9110 and
/// RFC 9112 leave, and the next request finds a sound client.
struct HostileAnswerTests {
    let origin = Origin()
    var base: String { "http://127.0.0.1:\(origin.port)" }

    private func check(_ answers: [HostileAnswer], least: Int, location: SourceLocation = #_sourceLocation) throws {
        #expect(answers.count >= least, sourceLocation: location)
        let client = try Client(local)
        for (index, hostile) in answers.enumerated() {
            let shown = String(decoding: hostile.bytes.prefix(120), as: UTF8.self).debugDescription
            origin.answer("/\(index)", with: .init(pieces: [hostile.bytes]))
            let answer = try client.perform("\(hostile.method) \(base)/\(index) HTTP/1.1", timeout: 5_000_000_000)
            #expect(answer.outcome == hostile.outcome, "\(shown): \(answer.message)", sourceLocation: location)
            let said =
                answer.outcome == DN_COMM_OK
                ? answer.text(0).split(separator: "\n").joined(separator: "|") + "|" + answer.text(1) : answer.message
            let isSaid = answer.outcome == DN_COMM_OK ? said == hostile.words : said.contains(hostile.words)
            #expect(isSaid, "\(shown): \(said)", sourceLocation: location)
            #expect(answer.outcome == DN_COMM_OK || answer.outputs.isEmpty, sourceLocation: location)
            let next = try client.perform("GET \(base)/sound HTTP/1.1")
            #expect(next.text(1) == "ok", "after \(shown): \(next.message)", sourceLocation: location)
        }
        origin.stop()
    }

    @Test func statusLines() throws { try check(Self.statusLines, least: 35) }
    @Test func headerLines() throws { try check(Self.headerLines, least: 40) }
    @Test func framing() throws { try check(Self.framing, least: 50) }
    @Test func chunks() throws { try check(Self.chunks, least: 55) }
    @Test func interims() throws { try check(Self.interims, least: 12) }
    @Test func limits() throws { try check(Self.limits, least: 12) }

    /// libcurl 7.88 keeps a pointer to a freed header line in a handle; a folded first line writes there.
    @Test func foldedFirstLinesAfterOtherAnswers() throws {
        let client = try Client(local)
        let head = "HTTP/1.1 200 OK\r\n"
        for length in [1, 20, 200, 2000, 20_000] {
            let value = String(repeating: "a", count: length)
            origin.answer(
                "/plain", with: .init(pieces: [Array("\(head)X: \(value)\r\nContent-Length: 0\r\n\r\n".utf8)]))
            origin.answer(
                "/folded", with: .init(pieces: [Array("\(head) f: \(value)\r\nContent-Length: 0\r\n\r\n".utf8)]))
            for _ in 0..<40 {
                #expect(try client.perform("GET \(base)/plain HTTP/1.1").outcome == DN_COMM_OK)
                let folded = try client.perform("GET \(base)/folded HTTP/1.1")
                #expect(folded.outcome == DN_COMM_PROTOCOL && folded.message.contains("folded"), "\(folded.message)")
            }
        }
        origin.stop()
    }

    /// The same answers, whatever pieces they come in.
    @Test func piecesMakeNoDifference() throws {
        let client = try Client(local)
        let answers = Self.chunks + Self.framing
        for (index, hostile) in answers.enumerated() where hostile.bytes.count < 200 {
            let cut = hostile.bytes.count * (index % 7 + 1) / 8
            origin.answer(
                "/\(index)", with: .init(pieces: [Array(hostile.bytes[..<cut]), Array(hostile.bytes[cut...])]))
            try client.submit("\(hostile.method) \(base)/\(index) HTTP/1.1", timeout: 5_000_000_000)
            let answer = try client.answers(1)[0]
            #expect(answer.outcome == hostile.outcome, "cut at \(cut): \(hostile.bytes): \(answer.message)")
        }
        origin.stop()
    }
}
