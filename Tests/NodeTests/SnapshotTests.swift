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
            guard seen.count == 7 else {
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
            #expect(seen.count == 7 && seen[0] == 0 && seen[1] == 1 && seen[5] == round, "\(seen)")
        }
    }

    private func files(of node: RunningNode) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: node.state + "/state/snapshots")) ?? []
        return names.filter { $0 != "key" }.map { node.state + "/state/snapshots/" + $0 }
    }

    /// A number that tells this preparation from every other.
    private func preparation(_ node: RunningNode, _ name: String = "snapshot") throws -> UInt64 {
        let reply = node.request("POST", "/v1/invoke/\(name)", words([7]))
        let seen = found(reply)
        guard seen.count == 7 else {
            Issue.record("\(reply.status) \(reply.text)")
            return 0
        }
        #expect(seen[0] == 1 && seen[1] == 1 && seen[2] == 0 && seen[3] == 0 && seen[5] == 7, "\(seen)")
        return seen[6]
    }

    @Test(arguments: classes) func aRestartPreparesNothing(in runClass: String) throws {
        let first = try RunningNode()
        #expect(try first.register("snapshot", class: runClass, memory: "4MiB").status == 201)
        let prepared = try preparation(first)
        #expect(files(of: first).count == 1)
        _ = first.stop()
        let node = try RunningNode(config: nil, state: first.state)
        defer { _ = node.stop() }
        #expect(try preparation(node) == prepared)
        // The same image with other inputs, or another limit, is another preparation.
        #expect(try node.register("snapshot", as: "other", class: runClass, memory: "5MiB").status == 201)
        #expect(try preparation(node, "other") != prepared)
        #expect(files(of: node).count == 2)
        #expect(node.request("DELETE", "/v1/functions/other").status / 100 == 2)
        #expect(files(of: node).count == 1)
        #expect(node.request("DELETE", "/v1/functions/snapshot").status / 100 == 2)
        #expect(files(of: node).isEmpty)
    }

    /// Nothing but what the node wrote itself, where it wrote it, is begun from.
    @Test(arguments: classes, ["shorter", "changed", "empty", "link", "folder", "open", "moved", "key"])
    func filesOfOthersAreRefused(in runClass: String, how: String) throws {
        let first = try RunningNode()
        #expect(try first.register("snapshot", class: runClass, memory: "4MiB").status == 201)
        #expect(try first.register("snapshot", as: "other", class: runClass, memory: "5MiB").status == 201)
        let prepared = [try preparation(first), try preparation(first, "other")]
        let two = files(of: first)
        try #require(two.count == 2)
        _ = first.stop()
        try spoil(two, how, key: first.state + "/state/snapshots/key")
        let node = try RunningNode(config: nil, state: first.state)
        defer { _ = node.stop() }
        let now = [try preparation(node), try preparation(node, "other")]
        #expect(zip(now, prepared).contains { $0 != $1 }, "\(now)")
        let log = (try? String(contentsOfFile: node.state + "/log", encoding: .utf8)) ?? ""
        #expect(log.contains("made anew"), "\(log)")
        // And is there again for the next restart.
        usleep(300_000)
        #expect(files(of: node).filter { !$0.contains(".") }.count == 2)
    }

    private func spoil(_ files: [String], _ how: String, key: String) throws {
        let manager = FileManager.default
        let file = files[0]
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        switch how {
        case "shorter": try bytes.dropLast(4096).write(to: URL(fileURLWithPath: file))
        case "changed":
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(fileURLWithPath: file))
        case "empty": try Data().write(to: URL(fileURLWithPath: file))
        case "link":
            try manager.moveItem(atPath: file, toPath: file + ".moved")
            try manager.createSymbolicLink(atPath: file, withDestinationPath: file + ".moved")
        case "folder":
            try manager.removeItem(atPath: file)
            try manager.createDirectory(atPath: file, withIntermediateDirectories: false)
        case "open": chmod(file, 0o666)
        case "moved":
            try manager.removeItem(atPath: file)
            try manager.copyItem(atPath: files[1], toPath: file)
        default: try Data(repeating: 7, count: 32).write(to: URL(fileURLWithPath: key))
        }
    }

    @Test(arguments: classes) func whatTheCacheCannotHoldIsRefused(in runClass: String) throws {
        let shipped = try String(contentsOfFile: RunningNode.root.path + "/Config/dandelion.toml", encoding: .utf8)
        let config = shipped.replacing(/#? ?image_cache = "[^"]*"/) { _ in "image_cache = \"256KiB\"" }
        try #require(config != shipped)
        let node = try RunningNode(config: config)
        defer { _ = node.stop() }
        let reply = try node.register("snapshot", class: runClass, memory: "4MiB")
        #expect(reply.status == 413 && reply.text.contains("image_cache"), "\(reply.status) \(reply.text)")
        #expect(files(of: node).isEmpty)
    }
}
