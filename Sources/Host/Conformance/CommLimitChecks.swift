internal import Items
internal import Platform
internal import PluginHost

/// Communication backends: validation, races and the limits of answers.
let commLimitChecks: [Check] = [
    Check("comm-validate", .comm, "Validation is pure: the same request is judged the same way each time.") { subject in
        let rig = try CommRig(subject)
        var random = subject.random
        for _ in 0..<200 {
            let noise = (0..<Int.random(in: 0...600, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let request = rig.request(1, noise, deadline: 1_000_000_000)
            let first = rig.backend.isIdempotent(request)
            try require(rig.backend.isIdempotent(request) == first, "\(noise.count) bytes were judged in two ways")
        }
        try rig.complete([])
    },
    Check("comm-cancel-race", .comm, "Cancels from another thread, while requests begin and end, lose and double none.")
    {
        subject in
        let rig = try CommRig(subject)
        let reactor = rig.reactor
        let canceller = try HostThread(subject.contract, "canceller") {
            for _ in 0..<100 {
                for token in 1...500 as ClosedRange<UInt64> { reactor.cancel(token) }
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
]
