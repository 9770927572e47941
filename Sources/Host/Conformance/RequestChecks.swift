internal import Failure
internal import Items
internal import PluginABI
internal import PluginHost

/// The author's own requests: what noise cannot tell, that a protocol does what it is for.
let requestChecks: [Check] = [
    Check("comm-requests", .comm, "The author's requests (--requests) end as expected, alone and all at once.") {
        subject in
        let rig = try rigWithRequests(subject)
        for (index, given) in subject.requests.enumerated() {
            let answer = try ask(given, UInt64(index + 1), rig)
            try judge(given, answer, rig)
            show(given, answer, rig, subject.notes)
        }
        for (answer, given) in zip(try askAll(subject.requests, rig), subject.requests) {
            try judge(given, answer, rig)
        }
    },
    Check(
        "comm-requests-limits", .comm,
        "The author's requests, when cut short by a cancel, a deadline or a smaller limit, end once and as told."
    ) { subject in
        let rig = try rigWithRequests(subject)
        var token: UInt64 = 0
        for given in subject.requests where given.outcome == "ok" {
            token += 1
            let whole = try ask(given, token, rig).outputs.reduce(0) { $0 + $1.count }
            for (deadline, most, isCancelled) in [
                (5_000_000_000, 1 << 20, true), (1_000_000, 1 << 20, false), (5_000_000_000, max(1, whole - 1), false),
            ] as [(UInt64, Int, Bool)] {
                token += 1
                let sample = try given.sample(for: rig.backend)
                guard try rig.submit(token, sample, deadline: deadline, maxResponse: UInt64(most)) else { continue }
                if isCancelled { rig.cancel(token) }
                var answer: CommCompletion?
                try rig.complete([token]) { answer = $0 }
                guard most < whole, let answer else { continue }
                let reason = answer.failure?.facts.first { $0.name == "reason" }?.value ?? "ok"
                try require(
                    reason == "too-large",
                    "request '\(given.name)' with max_response \(most) ended with \(reason); its answer has \(whole) bytes"
                )
            }
        }
    },
]

private struct Answer {
    /// "ok", "refused" or the reason of the failure.
    var ending: String
    var detail = ""
    var outputs: [[UInt8]] = []

    init(refused detail: String) { (ending, self.detail) = ("refused", detail) }

    init(_ completion: CommCompletion) {
        ending = completion.failure?.facts.first { $0.name == "reason" }?.value ?? "ok"
        detail = completion.failure?.detail ?? ""
        outputs = completion.outputs.map(\.array)
    }
}

private func rigWithRequests(_ subject: Subject) throws -> CommRig {
    let rig = try CommRig(subject)
    guard !subject.requests.isEmpty else { throw NotApplicable(why: "no requests are given; see --requests") }
    return rig
}

private func ask(_ given: GivenRequest, _ token: UInt64, _ rig: CommRig) throws -> Answer {
    let sample = try given.sample(for: rig.backend)
    let said = rig.watch.call("validate") { rig.backend.validate(rig.request(token, sample, deadline: 4_000_000_000)) }
    let taken = try rig.submit(token, sample, deadline: 4_000_000_000, maxResponse: 1 << 26)
    try require(
        taken == (said.status == DN_OK),
        "request '\(given.name)': validate says \(ABIName.status(said.status)), and submit \(taken ? "took" : "refused") it"
    )
    guard taken else { return Answer(refused: said.message) }
    var answer: CommCompletion?
    try rig.complete([token]) { answer = $0 }
    guard let answer else { throw Violation(what: "request '\(given.name)' never completed") }
    return Answer(answer)
}

private func askAll(_ requests: [GivenRequest], _ rig: CommRig) throws -> [Answer] {
    var answers = [Answer](repeating: Answer(refused: ""), count: requests.count)
    var open: Set<UInt64> = []
    let first: UInt64 = 1 << 32
    for (index, given) in requests.enumerated() {
        let token = first + UInt64(index)
        let sample = try given.sample(for: rig.backend)
        if try rig.submit(token, sample, deadline: 4_000_000_000, maxResponse: 1 << 26) { open.insert(token) }
    }
    try rig.complete(open) { answers[Int($0.token - first)] = Answer($0) }
    return answers
}

private func judge(_ given: GivenRequest, _ answer: Answer, _ rig: CommRig) throws {
    try require(
        answer.ending == given.outcome,
        "request '\(given.name)' ended with \(answer.ending), expected was \(given.outcome)\(answer.detail.isEmpty ? "" : ": \(answer.detail)")"
    )
    guard answer.ending == "ok" else { return }
    let sample = try given.sample(for: rig.backend)
    let sets = rig.backend.protocols[sample.protocol].signatures[sample.signature].outputs
    for (set, output) in zip(sets, answer.outputs) {
        if let expected = given.outputs[set], expected != output {
            let place =
                zip(expected, output).enumerated().first { $1.0 != $1.1 }?.offset ?? min(expected.count, output.count)
            throw Violation(
                what:
                    "request '\(given.name)': output \(set) has \(output.count) bytes, expected were \(expected.count); "
                    + "the first difference is at byte \(place)")
        }
        for text in given.texts[set] ?? [] where output.firstRange(of: text) == nil {
            throw Violation(
                what: "request '\(given.name)': output \(set) has no '\(String(decoding: text, as: UTF8.self))'")
        }
    }
    for set in Set(given.outputs.keys).union(given.texts.keys) where !sets.contains(set) {
        throw Violation(
            what: "request '\(given.name)': there is no output set '\(set)', only \(sets.joined(separator: " "))")
    }
}

private func show(_ given: GivenRequest, _ answer: Answer, _ rig: CommRig, _ notes: Notes) {
    guard answer.ending == "ok", let sample = try? given.sample(for: rig.backend) else { return }
    let sets = rig.backend.protocols[sample.protocol].signatures[sample.signature].outputs
    for (set, output) in zip(sets, answer.outputs) where given.outputs[set] == nil && given.texts[set] == nil {
        let begin = String(decoding: output.prefix(200), as: UTF8.self)
        let shown = begin.unicodeScalars.map {
            $0.value < 32 || $0.value == 127 ? $0.escaped(asASCII: true) : String($0)
        }
        notes.add("\(given.name): \(set), \(output.count) bytes: \(shown.joined())\(output.count > 200 ? " ..." : "")")
    }
}
