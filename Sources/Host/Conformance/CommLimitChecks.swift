internal import Items
internal import Platform
internal import PluginABI
internal import PluginHost

/// Communication backends: validation, races and the limits of answers.
let commLimitChecks: [Check] = [
    Check("comm-validate", .comm, "Validation is pure, what it says is true, and submit refuses what it refuses.") {
        subject in
        let rig = try CommRig(subject)
        var accepted: Set<UInt64> = []
        for (index, sample) in rig.samples(subject.rounds(200)).enumerated() {
            let request = rig.request(UInt64(index + 1), sample, deadline: 1_000_000_000)
            let first = rig.watch.call("validate") { rig.backend.validate(request) }
            let second = rig.watch.call("validate") { rig.backend.validate(request) }
            let length = sample.inputs.first?.count ?? 0
            try require(
                first.status == second.status && first.info.idempotent == second.info.idempotent,
                "\(length) bytes were judged in two ways")
            try judge(first, length)
            let taken = try rig.submit(UInt64(index + 1), sample, deadline: 1_000_000_000)
            if taken { accepted.insert(UInt64(index + 1)) }
            try require(
                !taken || first.status == DN_OK,
                "submit took \(length) bytes that validate refuses (\(ABIName.status(first.status)))")
        }
        try rig.complete(accepted)
    },
    Check("comm-cancel-race", .comm, "Cancels from another thread, while requests begin and end, lose and double none.")
    {
        subject in
        let rig = try CommRig(subject)
        let (reactor, watch) = (rig.reactor, rig.watch)
        let canceller = try HostThread(subject.contract, "canceller") {
            for _ in 0..<100 {
                for token in 1...500 as ClosedRange<UInt64> { watch.call("cancel") { reactor.cancel(token) } }
            }
        }
        defer { canceller.join() }
        for round in 0..<5 as Range<UInt64> {
            var accepted: Set<UInt64> = []
            for token in round * 100 + 1...round * 100 + 100
            where try rig.submit(token, [65], deadline: 2_000_000_000) { accepted.insert(token) }
            try rig.complete(accepted)
        }
    },
    Check("comm-threads", .comm, "A reactor works the same when another thread drives it at each step.") { subject in
        // SAFETY of nonisolated(unsafe): one thread uses them at a time, the others wait for it.
        nonisolated(unsafe) let rig = try CommRig(subject)
        nonisolated(unsafe) var outcomes: [Result<Bool, any Error>] = []
        let here = try rig.submit(1, [65], deadline: 2_000_000_000)
        for token in 2...5 as ClosedRange<UInt64> {
            let driver = try HostThread(subject.contract, "driver") {
                outcomes.append(Result { try rig.submit(token, [65], deadline: 2_000_000_000) })
            }
            driver.join()
        }
        for outcome in outcomes {
            try require(try outcome.get() == here, "a request was refused on one thread and taken on another")
        }
        guard here else { return }
        nonisolated(unsafe) var end: Result<Void, any Error> = .success(())
        try HostThread(subject.contract, "driver") { end = Result { try rig.complete([1, 2, 3, 4, 5]) } }.join()
        try end.get()
    },
    Check("comm-oversize", .comm, "No answer is larger than its request allows.") { subject in
        let rig = try CommRig(subject)
        let most: UInt64 = 16
        var accepted: Set<UInt64> = []
        for token in 1...8 as ClosedRange<UInt64> {
            let bytes = [UInt8](repeating: 65, count: 1 << 14)
            if try rig.submit(token, bytes, deadline: 2_000_000_000, maxResponse: most) { accepted.insert(token) }
        }
        var largest = 0
        try rig.complete(accepted) { largest = max(largest, $0.outputs.reduce(0) { $0 + $1.count }) }
        try require(largest <= most, "an answer has \(largest) bytes, allowed were \(most)")
    },
    Check("comm-inflight", .comm, "A reactor takes as many requests as it was made for, or says DN_BUSY.") { subject in
        let rig = try CommRig(subject)
        var accepted: Set<UInt64> = []
        for token in 1...1200 as ClosedRange<UInt64> {
            guard try rig.submit(token, [65], deadline: 2_000_000_000, maxResponse: 4096) else {
                try require(rig.wasBusy || accepted.isEmpty, "request \(token) was refused, and not with DN_BUSY")
                break
            }
            accepted.insert(token)
        }
        try rig.complete(accepted)
    },
]

private func judge(_ said: CommBackend.Validation, _ length: Int) throws {
    if said.status == DN_OK {
        try require(
            (DN_IDEMPOTENT_UNKNOWN...DN_IDEMPOTENT_NO).contains(said.info.idempotent),
            "validate says idempotent \(said.info.idempotent), which is no value of it")
        try require(
            said.info.body_offset <= UInt64(length),
            "validate says that the body of \(length) bytes begins at \(said.info.body_offset)")
        try require(said.hasTarget, "the target that validate gives has no NUL")
    } else {
        try require(
            said.error.input_offset == DN_NO_OFFSET || said.error.input_offset <= UInt64(length),
            "validate refuses byte \(said.error.input_offset) of \(length)")
    }
}
