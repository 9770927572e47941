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

    /// SHA-256, as sha256sum prints it.
    private static func digest(of image: [UInt8]) -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "dandelion-digest-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        guard FileManager.default.createFile(atPath: file, contents: Data(image)) else { return "" }
        let sum = Process()
        let pipe = Pipe()
        (sum.executableURL, sum.arguments) = (URL(fileURLWithPath: "/usr/bin/sha256sum"), [file])
        sum.standardOutput = pipe
        guard (try? sum.run()) != nil else { return "" }
        return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile().prefix(64), as: UTF8.self)
    }

    @Test func nobodyGetsAtTheOther() throws {
        let node = try RunningNode(config: Self.config, listens: false)
        let (alice, bob) = (try HostileTenant("alice", on: node), try HostileTenant("bob", on: node))
        for tenant in [alice, bob] { #expect(try tenant.register() == [201, 201, 201]) }
        let digest = Self.digest(of: try GuestCompiler.image("echo_sets"))
        let kept = [try alice.keep(digest: digest), try bob.keep(digest: digest)]
        var attempts = 0
        var successes: [String] = []
        for (attacker, victim, kept) in [(alice, bob, kept[1]), (bob, alice, kept[0])] {
            let all =
                HostileAttempt.all(on: victim) + (try HostileAttempt.routes(of: node, on: victim, kept))
            for attempt in all {
                attempts += 1
                let reply = node.request(
                    attempt.method, attempt.path, attempt.body,
                    headers: [attempt.authorization ?? attacker.authorization] + attempt.headers)
                let told = "\(attempt.name) \(attempt.method) \(attempt.path) \(attempt.headers): \(reply.status)"
                if isSuccess(reply, of: attempt, on: victim, kept) { successes.append(told) }
            }
            #expect(victim.isWhole && attacker.isWhole && victim.has(kept))
        }
        #expect(successes.isEmpty)
        #expect(attempts > 2000, "\(attempts)")
        #expect(node.isRunning)
    }

    /// Anything of the victim's, or the node's, in the answer; or anything done that is not the attacker's own.
    private func isSuccess(
        _ reply: RunningNode.Reply, of attempt: HostileAttempt, on victim: HostileTenant, _ kept: HostileHoldings
    ) -> Bool {
        if reply.status == 0 || reply.status >= 500 { return true }
        if reply.text.contains(victim.marker) { return true }
        // What was sent is told again; anything beyond is a leak.
        let sent = attempt.path.removingPercentEncoding ?? attempt.path
        if !sent.contains(victim.own), !attempt.body.contains(Array(victim.own.utf8)), reply.text.contains(victim.own) {
            return true
        }
        if kept.traces.contains(where: { !sent.contains($0) && reply.text.contains($0) }) { return true }
        return 200..<300 ~= reply.status && !attempt.listsOwn && !attempt.isCommon
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
