import CommHarness
import PluginABI
import Testing

/// What answers take is charged before it is taken, and given back with the release.
struct MemoryTests {
    let origin = Origin()
    var base: String { "http://127.0.0.1:\(origin.port)" }

    private func client(_ memory: ChargedMemory) throws -> Client { try Client(Plugin(local, memory: memory)) }

    @Test func everythingIsGivenBack() throws {
        let memory = ChargedMemory(limit: 1 << 30)
        do {
            let client = try client(memory)
            origin.answer("/hostile", with: .init(pieces: [Array("HTTP/1.1 200 OK\r\n folded: a\r\n\r\n".utf8)]))
            for path in ["/", "/big?3000000", "/chunked", "/hostile", "/close", "/half", "/redirect/302?/big?20000"] {
                _ = try client.perform("GET \(base)\(path) HTTP/1.1")
                #expect(memory.used == 0, "\(path)")
            }
            let token = try client.submit("GET \(base)/never HTTP/1.1")
            #expect(memory.used > 0)
            client.cancel(token)
            #expect(try client.answers(1).count == 1)
            #expect(memory.used == 0)
            for _ in 0..<10 { try client.submit("GET \(base)/never HTTP/1.1") }
        }
        #expect(memory.used == 0 && !memory.isWrong)
        origin.stop()
    }

    @Test func bodiesAreCharged() throws {
        let memory = ChargedMemory(limit: 1 << 30)
        let client = try client(memory)
        let token = try client.submit("GET \(base)/big?5000000 HTTP/1.1")
        while try client.poll(1_000_000_000, releasing: false).isEmpty {}
        #expect(memory.used >= 5_000_000 && memory.used < 5_300_000)
        client.plugin.comm.release?(client.reactor, token)
        #expect(memory.used == 0)
        origin.stop()
    }

    @Test(arguments: ["/big?3000000", "/endless", "/manychunks"])
    func answersThatDoNotFitEnd(_ path: String) throws {
        let memory = ChargedMemory(limit: 1 << 20)
        let client = try client(memory)
        let chunks = String(repeating: "400\r\n\(String(repeating: "x", count: 1024))\r\n", count: 3000)
        origin.answer(
            "/manychunks",
            with: .init(pieces: [Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)".utf8)]))
        let answer = try client.perform("GET \(base)\(path) HTTP/1.1")
        #expect(answer.outcome == DN_COMM_NO_MEMORY && answer.outputs.isEmpty, "\(answer.message)")
        #expect(memory.used == 0 && memory.most <= 1 << 20)
        #expect(try client.perform("GET \(base)/ HTTP/1.1").text(1) == "ok")
        origin.stop()
    }

    @Test func requestsThatDoNotFitAreRefused() throws {
        let memory = ChargedMemory(limit: 200_000)
        let client = try client(memory)
        for _ in 0..<3 { try client.submit("GET \(base)/wait?50 HTTP/1.1") }
        let refused = #expect(throws: Refused.self) { try client.submit("GET \(base)/ HTTP/1.1") }
        #expect(refused?.status == DN_BUSY)
        #expect(try client.answers(3).allSatisfy { $0.outcome == DN_COMM_OK })
        #expect(memory.used == 0)
        origin.stop()
    }
}
