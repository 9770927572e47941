import Foundation
import Testing

/// What an author gives the kit beside the plugin's file.
@Suite struct OptionTests {
    private static let dandelion = "\(Judged.products)/dandelion"

    /// Both outputs, and how it ended.
    private func check(_ file: String, _ arguments: [String]) throws -> (status: Int32, said: String) {
        let command = [Self.dandelion, "plugins", "check", file] + arguments
        let (status, output) = try Judged.run(
            "/bin/sh", ["-c", #"ulimit -c 0; "$@" 2>&1; echo "status $?""#, "sh"] + command)
        #expect(status == 0)
        let said = String(decoding: output, as: UTF8.self)
        let last = said.split(separator: "\n").last { $0.hasPrefix("status ") } ?? "status -1"
        return (Int32(last.dropFirst(7)) ?? -1, said)
    }

    /// A folder of requests: a file's path in it, and its contents.
    private func requests<R>(_ files: [String: String], _ body: (String) throws -> R) throws -> R {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-requests-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (path, text) in files {
            let file = URL(fileURLWithPath: "\(folder)/\(path)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return try body(folder)
    }

    @Test func requestsThatAreAnsweredAsExpectedPass() throws {
        let fixture = try Fixture("good_echo")
        defer { fixture.remove() }
        let files = [
            "whole/in/requests": "hello, protocol", "whole/out/answers": "hello, protocol",
            "parts/in/requests": "one two three", "parts/out/answers.has": "one\nthree\n", "parts/protocol": "echo\n",
            "shown/in/requests": "nothing is expected",
        ]
        try requests(files) { folder in
            let (status, said) = try check(fixture.path, ["--include", "comm-requests", "--requests", folder])
            #expect(status == 0, "\(said)")
            #expect(said.contains("passed  comm-requests "), "\(said)")
            #expect(said.contains("passed  comm-requests-limits"), "\(said)")
            #expect(said.contains("nothing is expected"), "\(said)")
        }
    }

    /// What the kit must say of a folder of requests that good_echo does not answer so.
    @Test(arguments: [
        (["r/in/requests": "abc", "r/out/answers": "abd"], "request 'r'"),
        (["r/in/requests": "abc", "r/out/answers.has": "abc\nxyz\n"], "xyz"),
        (["r/in/requests": "abc", "r/out/others": "abc"], "others"),
        (["r/in/requests": "abc", "r/outcome": "denied\n"], "denied"),
        (["r/in/requests": "abc", "r/outcome": "refused\n"], "refused"),
        (["r/in/requests": "abc", "r/protocol": "http\n"], "there is no protocol 'http', only echo"),
        (["r/in/questions": "abc"], "has items for questions; protocol echo takes requests"),
    ])
    func requestsThatAreAnsweredOtherwiseFail(files: [String: String], reason: String) throws {
        let fixture = try Fixture("good_echo")
        defer { fixture.remove() }
        try requests(files) { folder in
            let (status, said) = try check(fixture.path, ["--include", "comm-requests", "--requests", folder])
            #expect(status == 1, "\(said)")
            #expect(said.contains("failed  comm-requests"), "\(said)")
            #expect(said.contains(reason), "\(said)")
            #expect(said.contains("--requests \(folder)"), "\(said)")
        }
    }

    /// A protocol that answers wrongly passes with noise, and fails with a request of which more is known.
    @Test func aWrongAnswerIsFoundByARequestOnly() throws {
        let fixture = try Fixture("answers_other")
        defer { fixture.remove() }
        let noise = try Judged(fixture.path)
        #expect(noise.verdicts.filter { !["passed", "skipped"].contains($0.value) } == [:])
        try requests(["r/in/requests": "right", "r/out/answers": "right"]) { folder in
            let judged = try Judged(fixture.path, ["--requests", folder])
            #expect(judged.verdicts["comm-requests"] == "failed")
        }
    }

    @Test(arguments: [
        ([:], "no folder in it has a folder 'in'"), (["r/other": "x"], "no folder in it has a folder 'in'"),
        (
            ["r/in/requests": "x", "r/outcome": "maybe"],
            "'maybe' is no way for a request to end; there are: refused, ok"
        ),
    ])
    func foldersThatAreNoRequestsAreTold(files: [String: String], reason: String) throws {
        try requests(files.merging(["unused": ""]) { first, _ in first }) { folder in
            let (status, said) = try check("\(Judged.products)/libDandelionHTTPComm.so", ["--requests", folder])
            #expect(status == 64, "\(said)")
            #expect(said.contains(reason), "\(said)")
        }
    }

    /// In the foreground nothing is caught: a crash is the command's own, for the debugger that runs it.
    @Test func oneCheckRunsInTheForeground() throws {
        let right = try Fixture("good_echo")
        defer { right.remove() }
        let (passed, said) = try check(right.path, ["--debug", "comm-exactly-once"])
        #expect(passed == 0 && said.contains("passed  comm-exactly-once"), "\(said)")
        let umask = try Fixture("umask_in_submit")
        defer { umask.remove() }
        let (failed, why) = try check(umask.path, ["--debug", "process-kept"])
        #expect(failed == 1 && why.contains("submit changed the umask"), "\(why)")
        let aborting = try Fixture("abort_in_validate")
        defer { aborting.remove() }
        let (status, _) = try check(aborting.path, ["--debug", "comm-validate"])
        #expect(status == 128 + SIGABRT)
        let (unknown, told) = try check(right.path, ["--debug", "nonsense"])
        #expect(unknown == 64 && told.contains("no check is named 'nonsense'"), "\(told)")
    }
}
