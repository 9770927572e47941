import Foundation
import PluginHarness
import Testing
import Values

/// Two tenants on one node, each of which tries everything on the other.
@Suite(.serialized) struct HostileTenantTests {
    private static let config = """
        [[listeners]]
        address = "127.0.0.1:0"
        authenticate = true
        [node]
        cores = 2
        [plugins.process]
        path = "libDandelionProcess.so"
        [classes.default]
        backends = ["process"]
        [tenants.default]
        max_requests = 4
        names = 40
        stored = "4MiB"
        memory = "16MiB"
        """

    @Test func nobodyGetsAtTheOther() throws {
        let node = try RunningNode(config: Self.config, listens: false)
        let (alice, bob) = (try HostileTenant("alice", on: node), try HostileTenant("bob", on: node))
        for tenant in [alice, bob] { #expect(try tenant.register() == [201, 201, 201]) }
        var attempts = 0
        var successes: [String] = []
        for (attacker, victim) in [(alice, bob), (bob, alice)] {
            for attempt in HostileAttempt.all(on: victim) {
                attempts += 1
                let reply = node.request(
                    attempt.method, attempt.path, attempt.body,
                    headers: [attempt.authorization ?? attacker.authorization] + attempt.headers)
                let told = "\(attempt.name) \(attempt.method) \(attempt.path) \(attempt.headers): \(reply.status)"
                if isSuccess(reply, of: attempt, on: victim) { successes.append(told) }
            }
            #expect(victim.isWhole && attacker.isWhole)
        }
        #expect(successes.isEmpty)
        #expect(attempts > 400)
        #expect(node.isRunning)
    }

    /// Anything of the victim's, or the node's, in the answer; or anything done that is not the attacker's own.
    private func isSuccess(_ reply: RunningNode.Reply, of attempt: HostileAttempt, on victim: HostileTenant) -> Bool {
        if reply.status == 0 || reply.status >= 500 { return true }
        if reply.text.contains(victim.marker) { return true }
        // What was sent is told again; anything beyond is a leak.
        let sent = attempt.path.removingPercentEncoding ?? attempt.path
        if !sent.contains(victim.own), !attempt.body.contains(Array(victim.own.utf8)), reply.text.contains(victim.own) {
            return true
        }
        return 200..<300 ~= reply.status && !attempt.listsOwn
    }

    /// One takes all that it may have, and the other does not notice.
    @Test func nobodyStarvesOrFillsOrBillsTheOther() throws {
        let node = try RunningNode(config: Self.config, listens: false)
        let (alice, bob) = (try HostileTenant("alice", on: node), try HostileTenant("bob", on: node))
        for tenant in [alice, bob] { #expect(try tenant.register() == [201, 201, 201]) }
        let image = try GuestCompiler.image("hello")
        var refused: [Int] = []
        for number in 0..<60 {
            let status = bob.send("PUT", "/v1/functions/f\(number)?inputs=in&outputs=out", image).status
            if status != 201 { refused.append(status) }
        }
        #expect(!refused.isEmpty && refused.allSatisfy { $0 == 507 })
        #expect(alice.send("PUT", "/v1/functions/more?inputs=in&outputs=out", image).status == 201)
        let group = DispatchGroup()
        for _ in 0..<8 {
            DispatchQueue.global().async(group: group) {
                for _ in 0..<3 { _ = bob.send("POST", "/v1/invoke/loop", [1]) }
            }
        }
        var invoked = 0
        var slowest = 0.0
        while group.wait(timeout: .now()) == .timedOut {
            let begun = Date()
            #expect(alice.send("POST", "/v1/invoke/\(alice.own)").text == alice.marker)
            slowest = max(slowest, Date().timeIntervalSince(begun))
            invoked += 1
        }
        #expect(invoked > 0 && slowest < 2, "\(invoked) in \(slowest) s")
        #expect(node.stop() == 0)
        let folder = node.state + "/state/accounts"
        let lines = try FileManager.default.contentsOfDirectory(atPath: folder).flatMap {
            try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8).split(separator: "\n")
        }.map { try JSONReader.read(String($0)) }
        let paid = lines.filter { $0["tenant"]?.text == "alice" }.reduce(0) { sum, line in
            if case .integer(let count)? = line["invocations"]?.kind { sum + Int(count) } else { sum }
        }
        #expect(paid == invoked)
    }
}
