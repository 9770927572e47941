import Foundation
import Testing

/// The manual and the completions that packages carry, against the command's own table.
@Suite struct ManualTests {
    private func run(_ program: String, _ arguments: [String], _ input: Data = Data()) throws -> String {
        let (given, said) = (Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        (process.standardInput, process.standardOutput, process.standardError) = (given, said, said)
        try process.run()
        Thread.detachNewThread {
            given.fileHandleForWriting.write(input)
            try? given.fileHandleForWriting.close()
        }
        let text = String(decoding: said.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        return text
    }

    private struct Tree: Decodable {
        struct Command: Decodable {
            let commandName: String
            let subcommands: [Command]?
            let shouldDisplay: Bool?
        }
        let command: Command
    }

    private func names(_ command: Tree.Command, below path: [String] = []) -> [String] {
        (command.subcommands ?? []).filter { $0.commandName != "help" && $0.shouldDisplay != false }.flatMap { inner in
            let whole = path + [inner.commandName]
            return [whole.joined(separator: " ")] + names(inner, below: whole)
        }
    }

    @Test func everyCommandIsThere() throws {
        let dumped = Data(try run(RunningNode.executable, ["--experimental-dump-help"]).utf8)
        let all = names(try JSONDecoder().decode(Tree.self, from: dumped).command)
        #expect(all.count > 15 && all.contains("plugins reload"))
        let script = RunningNode.root.appending(path: ".ci/dev/manual.py").path
        let page = try run("/usr/bin/env", ["python3", script], dumped)
        for name in all { #expect(page.contains("\n.SS \(name.replacing("-", with: "\\-"))\n"), "\(name)") }
        for shell in ["bash", "zsh", "fish"] {
            let completions = try run(RunningNode.executable, ["--generate-completion-script", shell])
            for name in all {
                let last = name.split(separator: " ").last ?? ""
                #expect(completions.contains(last), "\(shell) \(name)")
            }
        }
    }
}
