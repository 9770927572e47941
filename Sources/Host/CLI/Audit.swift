internal import ArgumentParser
internal import Failure
internal import Identity
internal import Platform

struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check audit logs that a node has written.",
        discussion: """
              dandelion audit verify audit.jsonl
            """,
        subcommands: [VerifyAudit.self])
}

struct VerifyAudit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check that an audit log is as it was written.",
        discussion: """
            Each line has a hash of itself and of all before it. The last one is printed:
            who keeps it elsewhere and gives it with --has the next time knows, too, that
            nothing was cut off or written anew.

              dandelion audit verify audit.jsonl.1 audit.jsonl
              dandelion audit verify --has 1f8a... audit.jsonl
            """)

    @Argument(help: "The files, the oldest first.")
    var files: [String]

    @Option(help: "A hash of before that some line must have.")
    var has: String?

    private static let largest = 1 << 30

    func run() throws {
        var verifier = AuditVerifier(looksFor: has)
        for file in files {
            let bytes: [UInt8]
            do throws(WholeFile.Failed) { bytes = try WholeFile.read(file, limit: Self.largest) } catch {
                Output.note("dandelion: \(file): \(error.text)")
                throw ExitCode.noInput
            }
            try TokenOptions.telling { () throws(Failure) in try verifier.read(bytes, file) }
        }
        if let has, !verifier.hasFound {
            Output.note("dandelion: no line has the hash \(has): what had it was cut off or written anew")
            throw ExitCode.failure
        }
        Output.line("\(verifier.entries) entries as they were written, the last is \(verifier.last ?? "none")")
    }
}
