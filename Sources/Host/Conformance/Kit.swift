internal import Config
internal import Failure
internal import Glibc
internal import Platform
internal import PluginABI
internal import PluginHost
public import Values

/// What became of one check.
public struct Verdict: Sendable {
    public enum Kind: String, Sendable, CaseIterable { case passed, failed, crashed, hung, skipped }
    public let check: Check
    public let kind: Kind
    /// Why it is not passed; empty when it is.
    public let reason: String
    /// What else there is to show; lines.
    public let notes: String
    public var isBad: Bool { kind != .passed && kind != .skipped }
}

/// Judges a plugin: each check in a child process with a time limit.
///
/// For a process of one thread that has loaded no plugin: children are forked off it.
public struct Kit: Sendable {
    /// Nanoseconds that one check may take on a machine that has a CPU for it.
    static let timeout: UInt64 = 10_000_000_000
    /// The same for the probe of a trial, for which the start of a node waits.
    static let probeTimeout: UInt64 = 5_000_000_000
    /// Checks that run at once: most of judging is waiting.
    private let width = min(4, Thread.allowedCores().count + 1)
    /// How many want each CPU now, 1 to 4.
    private let crowd = min(max(MachineLoad.crowd, 1), 4)

    let path: String
    let original: String?
    let configuration: ParsedValue
    let seed: UInt64
    let guests: String?
    let requests: [GivenRequest]
    let isTrial: Bool

    /// - Parameters:
    ///   - original: what `path` is a copy of; nil = it is none.
    ///   - configuration: the plugin's settings.
    ///   - guests: folder of images in a format that the kit has none of; see `Guest`.
    ///   - requests: of the author; see `GivenRequest`.
    ///   - isTrial: before a node uses the plugin: the same rules with fewer repetitions, and nothing is sent anywhere.
    public init(
        path: String, original: String? = nil, configuration: ParsedValue, seed: UInt64, guests: String? = nil,
        requests: [GivenRequest] = [], isTrial: Bool = false
    ) {
        self.path = path
        self.original = original
        self.configuration = configuration
        self.seed = seed
        self.guests = guests
        self.requests = requests
        self.isTrial = isTrial
    }

    /// What is wrong with the plugin's settings by its schema; empty when nothing is, or when the file cannot tell.
    public func mistakesInSettings() -> String {
        let verdict = alone(.settings)
        return verdict.kind == .failed ? verdict.reason : ""
    }

    /// Whether the file loads and its probe answers, in this process's child.
    public func probed() -> Verdict { alone(.availability) }

    /// Runs the checks and tells of each in their order. Of a file that cannot be loaded, that verdict alone tells
    /// something, whether or not it was asked for.
    /// - Parameter told: hears each verdict; false = that is enough.
    public func judge(_ checks: [Check], told: (Verdict) -> Bool) {
        let loads = alone(Check.all[0])
        if loads.isBad {
            guard told(loads) else { return }
            for check in checks where check.id != loads.check.id {
                let reason = "the file does not load, see \(loads.check.id)"
                guard told(Verdict(check: check, kind: .skipped, reason: reason, notes: "")) else { return }
            }
            return
        }
        var known = [loads.check.id: loads]
        if checks.contains(where: { $0.need != .file }) {
            let probed = alone(.availability)
            let hasFunctions = checks.contains { reasonToSkip($0, probed) == nil && $0.need == .compute }
            // Asked once: a backend may take long to start.
            let functions = hasFunctions ? alone(.functions) : nil
            for check in checks where known[check.id] == nil {
                var reason = reasonToSkip(check, probed)
                if check.need == .compute, functions?.kind == .skipped { reason = reason ?? functions?.reason }
                guard let reason else { continue }
                known[check.id] = Verdict(check: check, kind: .skipped, reason: reason, notes: "")
            }
        }
        judge(checks, known: known, told)
    }

    /// Nil when the check tells something. A plugin whose probe fails is judged all the same: its checks say more.
    private func reasonToSkip(_ check: Check, _ probed: Verdict) -> String? {
        guard check.need.rank > Check.Need.probe.rank else { return nil }
        if probed.kind == .skipped { return probed.reason }
        guard probed.kind == .passed, let interface = check.need.interface else { return nil }
        return probed.notes.split(separator: "\n").contains { $0 == interface } ? nil : "it offers no \(interface)"
    }

    private func judge(_ checks: [Check], known: [String: Verdict], _ told: (Verdict) -> Bool) {
        var running: [Judging] = []
        var verdicts = known
        var next = 0
        var said = 0
        defer { for one in running { one.end() } }
        while said < checks.count {
            while next < checks.count, running.count < width {
                let check = checks[next]
                next += 1
                guard verdicts[check.id] == nil else { continue }
                guard let one = begin(check) else { return _ = told(noChild(check)) }
                running.append(one)
            }
            running.removeAll { one in
                guard let verdict = one.verdict() else { return false }
                verdicts[one.check.id] = verdict
                return true
            }
            while said < checks.count, let verdict = verdicts[checks[said].id] {
                said += 1
                guard told(verdict) else { return }
            }
            if said < checks.count { usleep(500) }
        }
    }

    private func alone(_ check: Check) -> Verdict {
        guard let one = begin(check) else { return noChild(check) }
        while true {
            if let verdict = one.verdict() { return verdict }
            usleep(200)
        }
    }

    private func noChild(_ check: Check) -> Verdict {
        Verdict(check: check, kind: .failed, reason: "no child process: \(String(cString: strerror(errno)))", notes: "")
    }

    private func begin(_ check: Check) -> Judging? {
        let limit = isTrial && check.id == Check.availability.id ? Self.probeTimeout : Self.timeout
        return Judging(check, timeout: UInt64(Double(limit) * crowd), isQuiet: isTrial) { judge(check, $0) }
    }

    /// Judges one check in this process, for a debugger: nothing is caught.
    public func judgeHere(_ check: Check) -> Verdict? {
        guard let sheet = Sheet() else { return nil }
        judge(check, sheet)
        return Verdict(check: check, kind: sheet.verdict ?? .failed, reason: sheet.text, notes: sheet.notes)
    }

    private func judge(_ check: Check, _ sheet: Sheet) {
        // As the node has them.
        for ignored in [SIGPIPE, SIGXFSZ] { signal(ignored, SIG_IGN) }
        blockNodeSignals()
        let settings = PluginConfiguration(configuration)
        let subject = Subject(
            path: path, original: original, configuration: settings, seed: seed, guests: guests,
            requests: requests, isTrial: isTrial)
        var verdict = Verdict.Kind.passed
        do {
            try check.body(subject)
            try subject.watch.requireNone()
            try require(sheet.damage.isEmpty, sheet.damage)
        } catch let error as Violation {
            (verdict, sheet.text) = (.failed, error.what)
        } catch let error as NotApplicable {
            (verdict, sheet.text) = (.skipped, error.why)
        } catch let error as Failure {
            (verdict, sheet.text) = (.failed, error.detail)
        } catch {
            (verdict, sheet.text) = (.failed, "\(error)")
        }
        sheet.notes = subject.notes.text
        sheet.verdict = verdict
    }

    /// Threads of a plugin must leave them to the node.
    private func blockNodeSignals() {
        var own = sigset_t()
        sigemptyset(&own)
        for signal in Resources.nodeSignals { sigaddset(&own, signal) }
        // Nothing else, whatever the kit's caller has blocked.
        pthread_sigmask(SIG_SETMASK, &own, nil)
    }
}

extension Check {
    /// What a plugin's probe says, and what its schema says of the settings: no checks of a plugin's rules.
    static let availability = Check("availability", .probe, "The plugin can work on this machine.") { subject in
        let report = try subject.probe()
        guard report.isUsable else { throw NotApplicable(why: "unavailable here: \(report.message)") }
        for interface in try subject.load().interfaces { subject.notes.add(interface) }
    }

    static let functions = Check("functions", .compute, "The kit has functions that it can run.") { subject in
        _ = try ComputeRig(subject).bytes(.exits)
    }

    static let settings = Check("settings", .file, "The settings fit the plugin's schema.") { subject in
        // A file that does not load, and a schema that cannot be used, are for checks to tell.
        guard let schema = try? subject.load().descriptor.configSchema else { return }
        let known = try? ConfigSchema(schema.isEmpty ? #"{"type":"object","properties":{}}"# : schema)
        let wrong = known?.mistakes(in: subject.configuration.json, called: "--settings") ?? []
        guard wrong.isEmpty else { throw Violation(what: "\(ConfigError(mistakes: wrong))") }
    }
}

extension Check.Need {
    /// How far into a plugin's life a check goes.
    var rank: Int {
        switch self {
        case .file: 0
        case .probe: 1
        case .start: 2
        case .compute, .comm, .translate, .fleet: 3
        }
    }

    /// What the plugin must offer.
    var interface: String? {
        switch self {
        case .file, .probe, .start: nil
        case .compute: DN_COMPUTE_1
        case .comm: DN_COMM_1
        case .translate: DN_TRANSLATE_1
        case .fleet: DN_FLEET_1
        }
    }
}
