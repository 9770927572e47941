public import Config
internal import Failure
internal import Glibc
internal import Platform
internal import PluginHost

/// What became of one check.
public struct Verdict: Sendable {
    public enum Kind: String, Sendable { case passed, failed, crashed, hung, skipped }
    public let check: Check
    public let kind: Kind
    /// Why it is not passed; empty when it is.
    public let reason: String
    public var isBad: Bool { kind != .passed && kind != .skipped }
}

/// Judges a plugin: each check in a child process with a time limit.
public struct Kit: Sendable {
    /// Nanoseconds that one check may take.
    static let timeout: UInt64 = 10_000_000_000
    /// Exit statuses of the child beside 0, passed.
    static let (failed, skipped): (Int32, Int32) = (3, 4)

    let executable: String
    let path: String
    let configuration: String
    let seed: UInt64
    let guests: String?

    /// - Parameters:
    ///   - executable: this program; its hidden subcommand `plugins check-one` calls `Kit.judgeHere`.
    ///   - configuration: JSON text of the plugin's settings.
    ///   - guests: folder of images in a format that the kit has none of; see `Guest`.
    public init(executable: String, path: String, configuration: String, seed: UInt64, guests: String? = nil) {
        self.executable = executable
        self.path = path
        self.configuration = configuration
        self.seed = seed
        self.guests = guests
    }

    /// What is wrong with the plugin's settings by its schema; empty when nothing is, or when the file cannot tell.
    public func mistakesInSettings() -> String {
        let (ending, text) = child("settings")
        return ending == .exited(Self.failed) ? text : ""
    }

    /// Runs the checks in order; `told` hears each verdict at once. Of a file that cannot be loaded, that verdict alone
    /// tells something, whether or not it was asked for.
    public func judge(_ checks: [Check], told: (Verdict) -> Void) {
        let loads = judge(Check.all[0])
        if loads.isBad {
            told(loads)
            for check in checks where check.id != loads.check.id {
                told(Verdict(check: check, kind: .skipped, reason: "the file does not load, see \(loads.check.id)"))
            }
            return
        }
        var unavailable: String?
        for check in checks {
            guard check.id != loads.check.id else {
                told(loads)
                continue
            }
            if check.need != .file, unavailable == nil { unavailable = availability() }
            if check.need.rank > Check.Need.probe.rank, let unavailable, !unavailable.isEmpty {
                told(Verdict(check: check, kind: .skipped, reason: unavailable))
            } else {
                told(judge(check))
            }
        }
    }

    /// Empty when the plugin can work here, or cannot even tell: then its checks tell more.
    private func availability() -> String {
        let (ending, text) = child("availability")
        return ending == .exited(Self.skipped) ? text : ""
    }

    private func judge(_ check: Check) -> Verdict {
        let (ending, text) = child(check.id)
        switch ending {
        case .exited(0): return Verdict(check: check, kind: .passed, reason: "")
        case .exited(Self.failed): return Verdict(check: check, kind: .failed, reason: text)
        case .exited(Self.skipped): return Verdict(check: check, kind: .skipped, reason: text)
        case .exited(let status):
            return Verdict(check: check, kind: .crashed, reason: "ended the process with status \(status)")
        case .signalled(let signal):
            let name = String(cString: strsignal(signal))
            return Verdict(check: check, kind: .crashed, reason: "signal \(signal): \(name)")
        case .timedOut, .abandoned: return Verdict(check: check, kind: .hung, reason: "did not end within 10 s")
        case .failed(let code):
            return Verdict(check: check, kind: .skipped, reason: "no child process: \(String(cString: strerror(code)))")
        }
    }

    private func child(_ id: String) -> (ending: ChildProcess.Ending, output: String) {
        ChildProcess.run(
            executable,
            ["plugins", "check-one", path, id, "--seed", "\(seed)"]
                + (guests.map { ["--guests", $0] } ?? []),
            input: Array(configuration.utf8), timeout: Self.timeout)
    }

    /// The child's part: judges one check in this process; its exit status and what to print.
    /// - Parameter original: what `path` is a copy of; nil = it is none.
    public static func judgeHere(
        _ id: String, path: String, original: String?, configuration: ConfigValue, seed: UInt64, guests: String?
    ) -> (status: Int32, text: String) {
        let settings = PluginConfiguration(tree: tree(configuration), json: configuration.json)
        let subject = Subject(
            path: path, original: original, configuration: settings, seed: seed, guests: guests)
        do {
            if id == "availability" {
                let report = try subject.probe()
                return report.isUsable ? (0, "") : (skipped, "unavailable here: \(report.message)")
            }
            if id == "settings" {
                // A file that does not load, and a schema that cannot be used, are for checks to tell.
                guard let schema = try? subject.load().descriptor.configSchema else { return (0, "") }
                let known = try? ConfigSchema(schema.isEmpty ? #"{"type":"object","properties":{}}"# : schema)
                let wrong = known?.mistakes(in: configuration.json, called: "--settings") ?? []
                return wrong.isEmpty ? (0, "") : (failed, "\(ConfigError(mistakes: wrong))")
            }
            if id == "smoke" {
                try smoke(subject)
                return (0, "")
            }
            guard let check = Check.all.first(where: { $0.id == id }) else { return (failed, "no check \(id)") }
            try check.body(subject)
            return (0, "")
        } catch let error as Violation {
            return (failed, error.what)
        } catch let error as NotApplicable {
            return (skipped, error.why)
        } catch let error as Failure {
            return (failed, error.detail)
        } catch {
            return (failed, "\(error)")
        }
    }

    private static func tree(_ value: ConfigValue) -> ConfigTree {
        switch value.kind {
        case .table(let entries):
            .table(Dictionary(entries.map { ($0.key, tree($0.value)) }, uniquingKeysWith: { first, _ in first }))
        case .array(let elements): .array(elements.map(tree))
        case .string(let text): .string(text)
        case .integer(let number): .integer(number)
        case .float(let number): .number(number)
        case .boolean(let flag): .boolean(flag)
        case .date, .null: .table([:])
        }
    }
}

extension Check.Need {
    /// How far into a plugin's life a check goes.
    var rank: Int {
        switch self {
        case .file: 0
        case .probe: 1
        case .start: 2
        case .compute, .comm, .translate: 3
        }
    }
}
