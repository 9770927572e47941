import Foundation
import Testing

/// What a node finds again takes no longer than what it was given.
@Suite(.serialized) struct RestartTests {
    private func put(_ count: Int, on node: RunningNode) -> TimeInterval {
        let begun = Date()
        var text = "function hello(in) => (out);\n"
        for call in 0..<count { text += "composition c\(call)(a) => (b) { hello(in = all a) => (b = out); }\n" }
        let reply = node.request("PUT", "/v1/compositions/c0", Array(text.utf8))
        #expect(reply.status == 201, "\(reply.status) \(reply.text.prefix(300))")
        return Date().timeIntervalSince(begun)
    }

    /// Each of them is kept with the whole text, which must not be compiled for each.
    @Test func twentyThousandCompositionsOfOneText() throws {
        let count = 20_000
        let first = try RunningNode()
        #expect(try first.register("hello", class: "process").status == 201)
        let took = put(count, on: first)
        #expect(first.stop() == 0)
        let begun = Date()
        let node = try RunningNode(config: nil, state: first.state)
        // A restart reads as many files as the registration wrote; to compile the text for each takes hours.
        let restart = Date().timeIntervalSince(begun)
        print("restart: \(count) compositions took \(took) s to register and \(restart) s to find again")
        #expect(restart < 4 * took + 20, "\(restart) s, the registration took \(took) s")
        for composition in [0, count / 2, count - 1] {
            let reply = node.request("POST", "/v1/invoke/c\(composition)", [1])
            #expect(reply.text == "hello, world", "\(composition): \(reply.status) \(reply.text)")
        }
        #expect(node.stop() == 0)
    }
}
