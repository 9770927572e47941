internal import ArgumentParser
internal import Config
internal import Conformance
internal import Glibc
internal import Node
internal import Values

struct CheckPlugin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Judge a plugin: does it keep the rules of the plugin ABI?",
        discussion: """
              dandelion plugins check ./libacme.so
              dandelion plugins check ./libacme.so --include interrupt --seed 7

            Each check runs in a process of its own. A plugin that is unavailable on
            this machine is skipped, with its reason. Exit code 1 when a check failed,
            crashed or hung.
            """)

    @Argument(help: "The plugin's file.")
    var file: String?

    @Option(help: "Run only the checks whose names contain this; repeatable.")
    var include: [String] = []

    @Option(help: "Leave out the checks whose names contain this; repeatable.")
    var exclude: [String] = []

    @Option(help: "The plugin's settings as JSON.")
    var settings = "{}"

    @Option(help: "What random input is made from; a failure is repeated by giving its seed.")
    var seed: UInt64?

    @Option(
        help: """
            Folder of images in the plugin's own format, for the checks that run functions: exits.* leaves with exit code \
            7, loops.* never ends, faults.* reads an address that no context has. Not needed for elf-x86_64.
            """)
    var guests: String?

    @Option(
        help: """
            Folder of requests that the protocol must answer: in each of its folders, in/SET has the item of an input set; \
            out/SET the output or out/SET.has texts in it, protocol and outcome are optional.
            """)
    var requests: String?

    @Option(help: "Run this one check in this process, for a debugger: nothing is caught and nothing limits its time.")
    var debug: String?

    @Flag(help: "List the checks and run none.")
    var list = false

    @Flag(help: "Tell only of checks that failed, crashed or hung.")
    var failedOnly = false

    @Flag(help: "Print JSON: check, verdict, reason, sentence.")
    var json = false

    private var checks: [Check] {
        Check.all.filter { check in
            (include.isEmpty || include.contains { check.id.contains($0) })
                && !exclude.contains { check.id.contains($0) }
        }
    }

    func validate() throws {
        guard !checks.isEmpty else { throw ValidationError("no check has such a name; see --list") }
        if let debug, !Check.all.contains(where: { $0.id == debug }) {
            throw ValidationError("no check is named '\(debug)'; see --list")
        }
        guard !list else { return }
        guard let file else { throw ValidationError("which plugin? Give its file") }
        guard access(file, F_OK) == 0 else {
            throw ValidationError("\(file): \(String(cString: strerror(errno)))")
        }
        if let guests, Input.names(in: guests).isEmpty {
            throw ValidationError("--guests \(guests): there is no such folder, or nothing is in it")
        }
        do { _ = try JSONReader.read(settings) } catch {
            throw ValidationError("--settings:\(error.place.line):\(error.place.column): \(error.message)")
        }
    }

    func run() throws {
        guard !list, let file else { return Output.table(checks.map { [$0.id, $0.sentence] }) }
        let seed = seed ?? UInt64.random(in: 0..<1 << 32)
        let kit = Kit(
            path: Input.absolute(file), configuration: try JSONReader.read(settings), seed: seed,
            guests: guests.map(Input.absolute), requests: try givenRequests())
        let wrong = kit.mistakesInSettings()
        guard wrong.isEmpty else {
            Output.note(wrong)
            throw ExitCode.validationFailure
        }
        if let debug { return try judgeHere(debug, kit, file, seed) }
        var verdicts: [Verdict] = []
        kit.judge(checks) { verdict in
            verdicts.append(verdict)
            if !json, verdict.isBad || !failedOnly { show(verdict, file, seed) }
            return true
        }
        let told = failedOnly ? verdicts.filter(\.isBad) : verdicts
        if json { Output.line(ParsedValue(.array(told.map { ParsedValue(.table(fields($0, seed))) })).json) }
        let bad = verdicts.count(where: \.isBad)
        if !json { Output.line("\(verdicts.count) checks, \(bad) bad, seed \(seed)") }
        if bad > 0 { throw ExitCode.failure }
    }

    private func givenRequests() throws -> [GivenRequest] {
        guard let requests else { return [] }
        do throws(GivenRequest.Mistake) {
            return try GivenRequest.all(in: Input.absolute(requests))
        } catch {
            throw ValidationError("--requests: \(error.what)")
        }
    }

    private func judgeHere(_ id: String, _ kit: Kit, _ file: String, _ seed: UInt64) throws {
        guard let check = Check.all.first(where: { $0.id == id }), let verdict = kit.judgeHere(check) else {
            throw ExitCode.failure
        }
        show(verdict, file, seed)
        if verdict.isBad { throw ExitCode.failure }
    }

    private func show(_ verdict: Verdict, _ file: String, _ seed: UInt64) {
        Output.table([[verdict.kind.rawValue, verdict.check.id, verdict.reason]])
        for note in verdict.notes.split(separator: "\n") { Output.line("        \(note)") }
        guard verdict.isBad else { return }
        Output.line("        rule: \(verdict.check.sentence)")
        var command = "dandelion plugins check \(file) --include \(verdict.check.id) --seed \(seed)"
        if let guests { command += " --guests \(guests)" }
        if let requests { command += " --requests \(requests)" }
        if settings != "{}" { command += " --settings '\(settings)'" }
        Output.line("        repeat: \(command)")
    }

    private func fields(_ verdict: Verdict, _ seed: UInt64) -> [ParsedEntry] {
        ParsedValue.table([
            "check": .string(verdict.check.id), "verdict": .string(verdict.kind.rawValue),
            "reason": .string(verdict.reason), "sentence": .string(verdict.check.sentence),
            "seed": .integer(Int64(clamping: seed)), "notes": .string(verdict.notes),
        ]).entries
    }
}

/// What a node starts before it maps or uses a plugin: the kit's checks in processes of their own. The settings, JSON, come
/// on standard input.
struct TryPlugin: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "trial", shouldDisplay: false)

    @Argument var file: String
    /// What `file` is a copy of.
    @Option var original: String?
    /// Go no further than the probe.
    @Flag var probe = false

    func run() throws {
        let settings = try JSONReader.read(bytes: try Input.read("-"))
        let kit = Kit(
            path: file, original: original, configuration: settings, seed: UInt64.random(in: 0..<1 << 32), isTrial: true
        )
        var bad: Verdict?
        if probe {
            // What a file that answers says of itself, the node finds out by itself.
            let verdict = kit.probed()
            if verdict.kind == .crashed || verdict.kind == .hung { bad = verdict }
        } else {
            kit.judge(Check.trial) { verdict in
                if verdict.isBad { bad = verdict }
                return bad == nil
            }
        }
        guard let bad else { return }
        let rule = probe ? "" : " (check \(bad.check.id): \(bad.check.sentence))"
        Output.line("\(bad.kind.rawValue): \(bad.reason)\(rule)")
        throw ExitCode.failure
    }
}
