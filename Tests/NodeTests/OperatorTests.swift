import Foundation
import Testing

/// What an operator sees of a node whose surroundings are not as they should be.
@Suite(.serialized) struct OperatorTests {
    private static func config(_ more: String = "") -> String {
        """
        [node]
        log = "info"
        max_body = "1MiB"
        [plugins.process]
        path = "libDandelionProcess.so"
        [classes.process]
        backends = ["process"]
        \(more)
        """
    }

    private func log(of node: RunningNode) -> String {
        (try? String(contentsOfFile: node.state + "/log", encoding: .utf8)) ?? ""
    }

    /// What the node logs after `action`, once it holds `wanted`.
    private func logged(_ node: RunningNode, _ wanted: String, after action: () throws -> Void) rethrows -> String {
        let before = log(of: node).count
        try action()
        func more() -> String { String(log(of: node).dropFirst(before)) }
        for _ in 0..<200 where !more().contains(wanted) { usleep(50_000) }
        return more()
    }

    @Test func aHangupTellsWhatItAppliedAndWhatNeedsARestart() throws {
        let node = try RunningNode(config: Self.config())
        func hangUp(_ text: String, until wanted: String) throws -> String {
            try logged(node, wanted) {
                try text.write(toFile: node.state + "/test.toml", atomically: true, encoding: .utf8)
                node.signal(SIGHUP)
            }
        }
        #expect(try hangUp(Self.config(), until: "SIGHUP").contains("SIGHUP: nothing has changed"))

        let secret = "[functions.F]\nplugin = \"process\"\nprotocol = \"pass=s3cr3t\""
        let edited = Self.config(secret).replacing("\"1MiB\"", with: "\"2MiB\"").replacing(
            "\"info\"", with: "\"debug\"")
        let told = try hangUp(edited, until: "restart")
        #expect(told.contains("SIGHUP: applied: node.log (line 2)\n"), "\(told)")
        #expect(
            told.contains(
                "SIGHUP: not applied, these need a restart: node.max_body (line 3), functions (line 8, new)\n"),
            "\(told)")
        #expect(!told.contains("s3cr3t"))

        // The log's level is applied; what needs a restart is told until there was one.
        let again = try hangUp(edited.replacing("\"debug\"", with: "\"warning\""), until: "restart")
        #expect(again.contains("applied: node.log (line 2)\n"), "\(again)")
        let quiet = try hangUp(edited.replacing("\"debug\"", with: "\"warning\""), until: "restart")
        #expect(quiet.contains("node.max_body") && !quiet.contains(" info "), "\(quiet)")

        let broken = try hangUp(Self.config("[node.nothing]"), until: "SIGHUP")
        #expect(
            broken.contains("has mistakes, everything stays as it is") && broken.contains("test.toml:8:"), "\(broken)")

        // A plugin whose new settings are wrong stays, and that is told.
        let wrong = try hangUp(
            Self.config().replacing("Process.so\"", with: "Process.so\"\nconfig = { nonsense = 1 }"), until: "stay as")
        #expect(wrong.contains("nonsense") && wrong.contains("told above: process\n"), "\(wrong)")
        #expect(node.stop() == 0)
    }

    @Test func tooFewDescriptorsAreToldAtTheStart() throws {
        do {
            _ = try RunningNode(config: Self.config(), wrapper: ["sh", "-c", "ulimit -n 32 && exec \"$@\"", "sh"])
            Issue.record("a node that cannot accept connections has started")
        } catch let error as RunningNode.DidNotStart {
            #expect(error.log.contains("may open 32 files") && error.log.contains("ulimit -n"), "\(error.log)")
            #expect(!error.log.contains("Socket ready"))
        }
    }

    /// Connections beyond the descriptors are told of once, and do not keep the node from serving afterwards.
    @Test func runningOutOfDescriptorsIsToldOnce() throws {
        let most = 160 + 32 * ProcessInfo.processInfo.processorCount
        let node = try RunningNode(
            config: Self.config(), wrapper: ["sh", "-c", "ulimit -n \(most) && exec \"$@\"", "sh"])
        var clients: [Int32] = []
        let told = logged(node, "no more connections") {
            for _ in 0..<most { clients.append(node.connect()) }
            // Long enough for ten attempts a second to be seen.
            sleep(2)
        }
        #expect(told.split(separator: "\n").count { $0.contains("no more connections for now") } == 1, "\(told)")
        for client in clients where client >= 0 { close(client) }
        var status = 0
        for _ in 0..<50 where status != 200 {
            usleep(100_000)
            status = node.request("GET", "/healthz").status
        }
        #expect(status == 200)
        #expect(log(of: node).split(separator: "\n").count { $0.contains("no more connections for now") } == 1)
        #expect(node.stop() == 0)
    }

    @Test func aClassThatCannotRunKeepsTheNodeFromBeingReady() throws {
        let lost = "[plugins.lost]\npath = \"/nowhere/lost.so\"\n[classes.lost]\nbackends = [\"lost\"]\n"
        let node = try RunningNode(config: Self.config(lost))
        let reply = node.request("GET", "/readyz")
        #expect(reply.status == 503 && reply.text.contains("lost"), "\(reply.status) \(reply.text)")
        #expect(node.request("GET", "/healthz").status == 200)
        #expect(node.stop() == 0)

        let content = try RunningNode(config: Self.config(lost + "optional = true"))
        #expect(content.request("GET", "/readyz").status == 200)
        #expect(content.stop() == 0)
    }
}
