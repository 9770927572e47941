import Foundation
import Testing

/// Commands that are programs beside the executable.
@Suite struct ExternalCommandTests {
    @Test func programBesideTheExecutableIsACommand() throws {
        let name = "echo-\(getpid())"
        let program = URL(fileURLWithPath: Ran.executable).deletingLastPathComponent()
            .appending(path: "dandelion-\(name)").path
        try "#!/bin/sh\necho \"got $*\"\nexit 7\n".write(toFile: program, atomically: true, encoding: .utf8)
        defer { unlink(program) }
        chmod(program, 0o755)
        let ran = try Ran([name, "a b", "--flag"])
        #expect(ran.status == 7 && ran.output == "got a b --flag\n")
        #expect(try Ran(["help", name]).output == "got --help\n")
        #expect(try Ran(["--help"]).output.contains("  dandelion \(name)  ("))
    }

    @Test(arguments: ["wsm", "plugin", "../evil", "", "serve2"])
    func unknownCommandIsRefused(name: String) throws {
        let ran = try Ran([name])
        #expect(ran.status == 64 && ran.output.isEmpty)
        #expect(ran.errors.hasPrefix("dandelion: no command '\(name)'"))
        #expect(ran.errors.contains("`dandelion --help` lists all commands"))
        if name == "plugin" { #expect(ran.errors.contains("did you mean 'plugins'?")) }
    }

    @Test func wasmIsACommand() throws {
        #expect(try Ran(["wasm", "--help"]).output.contains("dandelion wasm spectest PATH"))
        #expect(try Ran(["wasm"]).status == 64)
        let missing = try Ran(["wasm", "spectest", "nowhere"])
        #expect(missing.status == 2)
        #expect(missing.output == "dandelion wasm spectest: cannot read nowhere: No such file or directory\n")
    }
}
