import Foundation
import PluginHarness
import Testing

/// Functions whose program is run once, at registration, up to where every invocation begins.
@Suite struct SnapshotTests {
    static let classes = access("/dev/kvm", R_OK | W_OK) == 0 ? ["process", "kvm"] : ["process"]

    private func found(_ reply: RunningNode.Reply) -> [UInt64] {
        stride(from: 0, to: reply.body.count / 8 * 8, by: 8).map { at in
            reply.body[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// What one invocation changes no other sees, also of another function on the same engines, and no two get the same
    /// random numbers.
    @Test(arguments: classes) func everyInvocationBeginsAsPrepared(in runClass: String) throws {
        let node = try RunningNode()
        defer { _ = node.stop() }
        for seed in ["1", "2"] {
            let reply = try node.register(
                "snapshot", as: "s\(seed)", class: runClass, memory: "4MiB", flags: ["-DSEED=\(seed)"])
            #expect(reply.status == 201, "\(reply.text)")
        }
        #expect(try node.register("mark", class: runClass, memory: "4MiB").status == 201)
        var random = Set<UInt64>()
        let rounds: UInt64 = ProcessInfo.processInfo.environment["DANDELION_LONG_TESTS"] == nil ? 400 : 10_000
        for round in 0..<rounds {
            let reply = node.request("POST", "/v1/invoke/s\(round / 3 % 2 + 1)", words([round]))
            let seen = found(reply)
            guard seen.count == 6 else {
                Issue.record("round \(round): \(reply.status) \(reply.text)")
                break
            }
            #expect(seen[0] == 1 && seen[1] == 1 && seen[2] == 0 && seen[3] == 0 && seen[5] == round, "\(seen)")
            #expect(random.insert(seen[4]).inserted)
            if round % 5 == 0 { _ = node.request("POST", "/v1/invoke/mark", words([0])) }
        }
    }

    @Test(arguments: classes) func aFreshInvocationPreparesNothing(in runClass: String) throws {
        let node = try RunningNode()
        defer { _ = node.stop() }
        #expect(try node.register("snapshot", class: runClass, memory: "4MiB").status == 201)
        let seen = found(node.request("POST", "/v1/invoke/snapshot?fresh=true", words([3])))
        #expect(seen.prefix(4) == [0, 1, 0, 0])
    }

    @Test(
        arguments: classes,
        [
            (1, "illegal-instruction"), (2, "did not finish in time"), (3, "left with code 9"), (4, "outside of it"),
            (6, "memory-limit"),
        ])
    func whatCannotBePreparedIsRefused(in runClass: String, how: (behaviour: Int, reason: String)) throws {
        let (behaviour, reason) = how
        let node = try RunningNode()
        defer { _ = node.stop() }
        let reply = try node.register(
            "snapshot", class: runClass, memory: "4MiB", timeout: "300ms", flags: ["-DBEHAVIOUR=\(behaviour)"])
        #expect((400..<600).contains(reply.status) && reply.text.contains(reason), "\(reply.status) \(reply.text)")
        #expect(node.request("GET", "/v1/functions/snapshot").status == 404)
    }

    /// A program that could leave a snapshot and does not is a function like any other.
    @Test(arguments: classes) func whoLeavesNoneRunsAsEver(in runClass: String) throws {
        let node = try RunningNode()
        defer { _ = node.stop() }
        #expect(try node.register("snapshot", class: runClass, memory: "4MiB", flags: ["-DBEHAVIOUR=5"]).status == 201)
        for round in 0..<3 as Range<UInt64> {
            let seen = found(node.request("POST", "/v1/invoke/snapshot", words([round])))
            #expect(seen.count == 6 && seen[0] == 0 && seen[1] == 1 && seen[5] == round, "\(seen)")
        }
    }

    /// What was prepared is made again after a restart, and goes when the function does.
    @Test(arguments: classes) func aRestartPreparesAnew(in runClass: String) throws {
        let first = try RunningNode()
        #expect(try first.register("snapshot", class: runClass, memory: "4MiB").status == 201)
        _ = first.stop()
        let node = try RunningNode(config: nil, state: first.state)
        defer { _ = node.stop() }
        let seen = found(node.request("POST", "/v1/invoke/snapshot", words([7])))
        #expect(seen.count == 6 && seen[0] == 1 && seen[1] == 1 && seen[2] == 0 && seen[3] == 0 && seen[5] == 7)
    }
}
