import Foundation
import Testing

/// What a whole node tells of its requests.
@Suite(.serialized) struct ObservationTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-observed-\(UUID())").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func config(_ more: String) -> String {
        """
        \(more)
        [plugins.process]
        path = "libDandelionProcess.so"
        [classes.process]
        backends = ["process"]
        """
    }

    private func lines(_ name: String) -> [[String: Any]] {
        let text = (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    private func waits(_ condition: () -> Bool) -> Bool {
        for _ in 0..<400 where !condition() { usleep(10_000) }
        return condition()
    }

    /// Rotated while requests come: none is lost, none is in both files.
    @Test func theAccessLogIsRotated() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = try RunningNode(config: config("[access_log]\npath = \"\(folder)/log\""))
        #expect(try node.register("hello", class: "process").status == 201)
        for number in 0..<10 {
            #expect(
                node.request("POST", "/v1/invoke/hello", [1], headers: ["X-Request-Id: before-\(number)"]).status == 200
            )
        }
        #expect(waits { lines("log").count == 11 })
        try FileManager.default.moveItem(atPath: folder + "/log", toPath: folder + "/log.1")
        node.signal(SIGUSR1)
        for number in 0..<10 {
            #expect(
                node.request("POST", "/v1/invoke/hello", [1], headers: ["X-Request-Id: after-\(number)"]).status == 200)
        }
        #expect(waits { lines("log.1").count + lines("log").count == 21 })
        #expect(node.stop() == 0)
        let all = (lines("log.1") + lines("log")).dropFirst().compactMap { $0["request_id"] as? String }
        #expect(all == (0..<10).map { "before-\($0)" } + (0..<10).map { "after-\($0)" })
        #expect(lines("log").allSatisfy { $0["name"] as? String == "hello" && $0["run_ms"] != nil })
        #expect(!lines("log").isEmpty)
    }

    /// A node without such a log lives on when whoever rotates logs sends its signal.
    @Test func theSignalEndsNobody() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = try RunningNode(config: config("[node]\nlog_lines = \"json\""))
        node.signal(SIGUSR1)
        #expect(node.request("GET", "/healthz").status == 200)
        #expect(node.stop() == 0)
        let log = node.log.split(separator: "\n")
        #expect(log.allSatisfy { (try? JSONSerialization.jsonObject(with: Data($0.utf8))) != nil }, "\(log)")
    }
}
