import Foundation
import Testing

/// What an attacker sends costs nobody else anything.
@Suite(.serialized) struct HostileTests {
    /// Guest, arguments, the fault that the reply must name.
    static let attacks: [(String, [UInt64], String)] = [
        ("access", [0, 0], "read"), ("access", [1, 8], "write"), ("access", [2, 0], "execute"),
        ("instruction", [0], "illegal-instruction"), ("instruction", [1], "arithmetic"),
        ("recurse", [], "stack-overflow"), ("system_call", [0, 57], "system-call"), ("touch", [2000], "memory-limit"),
    ]

    /// Times that every attack is repeated; 10,000 attacks in a long run.
    static let rounds = ProcessInfo.processInfo.environment["DANDELION_LONG_TESTS"] == nil ? 40 : 1250

    private func attack(_ runClass: String) throws {
        let node = try RunningNode()
        #expect(try node.register("hello", class: runClass).status == 201)
        for guest in Set(Self.attacks.map(\.0)) { #expect(try node.register(guest, class: runClass).status == 201) }
        func round() {
            for (guest, arguments, fault) in Self.attacks {
                let reply = node.request("POST", "/v1/invoke/\(guest)", words(arguments))
                #expect(reply.status == 422, "\(guest) \(arguments): \(reply.text)")
                #expect(reply.text.contains("\"fault\":\"\(fault)\""), "\(guest) \(arguments): \(reply.text)")
                #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")
            }
        }
        round()
        let before = (node.descriptors, node.children)
        for _ in 0..<Self.rounds { round() }
        usleep(300_000)
        #expect(node.descriptors <= before.0 + 4)
        #expect(node.children <= before.1 + 8)
        #expect(node.stop() == 0)
    }

    @Test func hostileFunctionsUnderProcess() throws { try attack("process") }

    @Test(.enabled(if: access("/dev/kvm", R_OK | W_OK) == 0, "no usable /dev/kvm on this machine"))
    func hostileFunctionsUnderKVM() throws { try attack("kvm") }

    @Test func brokenImagesAreRefusedAndChangeNothing() throws {
        let node = try RunningNode()
        for bytes in [[], [UInt8]("text".utf8), [0x7f, 0x45, 0x4c, 0x46], [UInt8](repeating: 0, count: 4096)] {
            let reply = node.request("PUT", "/v1/functions/bad?class=process&inputs=in&outputs=out", bytes)
            #expect((400..<500).contains(reply.status), "\(bytes.count) bytes: \(reply.status) \(reply.text)")
        }
        #expect(node.request("GET", "/v1/functions").text.contains("bad") == false)
    }

    @Test func nonsenseOnTheWireIsAnswered() throws {
        let node = try RunningNode()
        #expect(node.request("POST", "/hot/x", [1, 2, 3]).status == 400)
        #expect(node.request("POST", "/hot/x", [UInt8](repeating: 0xff, count: 100)).status == 400)
        #expect(node.request("POST", "/register/function", [5, 0, 0, 0, 0]).status == 400)
        #expect(node.request("GET", "/no/such/path").status == 404)
        #expect(node.request("POST", "/v1/invoke/nobody", [1]).status == 404)
        #expect(node.request("PUT", "/v1/compositions/C", Array("composition C(a) => (b) {".utf8)).status == 400)
        #expect(node.request("PUT", "/v1/functions/..%2f..%2fetc?class=process&inputs=a&outputs=b", [1]).status >= 400)
        #expect(node.request("GET", "/").status == 200)
    }
}
