import Foundation
import Testing

@Suite struct TopTests {
    private static func metrics(requests: Int, runs: Int) -> String {
        let text = """
            # HELP dandelion_http_requests_total HTTP requests.
            # TYPE dandelion_http_requests_total counter
            dandelion_http_requests_total \(requests)
            # HELP dandelion_queue_length Waiting.
            # TYPE dandelion_queue_length gauge
            dandelion_queue_length 7
            # HELP dandelion_task_stage_seconds Stages.
            # TYPE dandelion_task_stage_seconds histogram
            dandelion_task_stage_seconds_bucket{class="de\\"fault",backend="kvm",stage="run",le="0.001"} 5
            dandelion_task_stage_seconds_bucket{class="de\\"fault",backend="kvm",stage="run",le="0.002"} \(5 + runs)
            dandelion_task_stage_seconds_bucket{class="de\\"fault",backend="kvm",stage="run",le="+Inf"} \(5 + runs)
            dandelion_task_stage_seconds_sum{class="de\\"fault",backend="kvm",stage="run"} 0.1
            dandelion_task_stage_seconds_count{class="de\\"fault",backend="kvm",stage="run"} \(5 + runs)

            """
        return "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
    }

    @Test func oneReadingForScripts() throws {
        let node = try FakeNode([Self.metrics(requests: 10, runs: 0), Self.metrics(requests: 1010, runs: 100)])
        let ran = try Ran(["top", "--once", "--json", "--interval", "0.5"], node: node)
        #expect(ran.status == 0 && ran.errors.isEmpty)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(ran.output.utf8)) as? [String: Any])
        let rate = try #require(json["http_requests_per_second"] as? Double)
        #expect(rate > 500 && rate <= 2000)
        #expect(json["queue_length"] as? Int == 7)
        let row = try #require((json["classes"] as? [[String: Any]])?.first)
        #expect(row["class"] as? String == "de\"fault")
        #expect(row["run_p50"] as? Double == 0.002)
        #expect(row["queue_p50"] == nil)
    }

    @Test func aPipeGetsTextWithoutEscapes() throws {
        let node = try FakeNode([Self.metrics(requests: 1, runs: 0), Self.metrics(requests: 1, runs: 0)])
        let ran = try Ran(["top", "--once", "--interval", "0.2"], node: node)
        #expect(ran.status == 0)
        #expect(ran.output.contains("queue 7") && ran.output.contains("CLASS") && !ran.output.contains("\u{1b}"))
    }

    @Test func withoutANodeItSaysSo() throws {
        let ran = try Ran(["top", "--node", "http://127.0.0.1:1"])
        #expect(ran.status == 69)
        #expect(ran.errors.contains("no answer from the node at 127.0.0.1:1"))
        let other = try FakeNode(["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"])
        let confused = try Ran(["top", "--once"], node: other)
        #expect(confused.status == 1 && confused.errors.contains("has no /metrics"))
    }

    /// On a terminal: its own screen, which `q`, Ctrl-C and SIGTERM leave as it was.
    @Test(arguments: ["q", "\u{3}"]) func theTerminalIsRestored(key: String) throws {
        let node = try FakeNode(Array(repeating: Self.metrics(requests: 1, runs: 1), count: 20))
        let terminal = Process()
        terminal.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        terminal.arguments = [
            "timeout", "20", "python3", "-c", Self.onATerminal, Ran.executable, "http://127.0.0.1:\(node.port)", key,
        ]
        let output = Pipe()
        terminal.standardOutput = output
        try terminal.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        terminal.waitUntilExit()
        #expect(text.contains("\u{1b}[?1049h") && text.contains("\u{1b}[?1049l") && text.contains("q: quit"))
        #expect(text.hasSuffix("raw True, restored True, status 0\n"), "\(text.suffix(100))")
        #expect(terminal.terminationStatus == 0)
    }

    /// Runs top on a terminal of its own, presses a key when it shows something, and tells how the terminal was and is.
    private static let onATerminal = """
        import os, pty, select, subprocess, sys, termios
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (12, 60))
        local = lambda: termios.tcgetattr(theirs)[3]
        before = local()
        command = [sys.argv[1], "top", "--interval", "0.2", "--node", sys.argv[2]]
        top = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
        text = b""
        while b"CLASS" not in text: text += os.read(ours, 65536)
        raw = not local() & (termios.ICANON | termios.ECHO | termios.ISIG)
        os.write(ours, sys.argv[3].encode())
        status = top.wait()
        while select.select([ours], [], [], 0)[0]: text += os.read(ours, 65536)
        print(text.decode(), f"raw {raw}, restored {local() == before}, status {status}", flush=True)
        """
}
