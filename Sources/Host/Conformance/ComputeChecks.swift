internal import Glibc
internal import Platform
internal import PluginABI
internal import PluginHost

/// Isolation backends: images, memory, runs and how they end.
let computeChecks: [Check] = [
    Check("image-bad", .compute, "Empty, foreign, truncated and damaged images are refused, and nothing crashes.") {
        subject in
        let rig = try ComputeRig(subject)
        for bytes in [[], Array("no image".utf8), [UInt8](repeating: 0, count: 4096)] {
            try require(rig.load(bytes).status != DN_OK, "\(bytes.count) foreign bytes were loaded as an image")
        }
        let whole = try rig.bytes(.exits)
        // What is left out here are tables at the end, which a backend may not need.
        let needed = subject.guests == nil ? 0x2048 : whole.count
        for count in stride(from: 0, to: needed, by: max(1, needed / subject.rounds(137))) {
            try require(rig.load(Array(whole[..<count])).status != DN_OK, "an image cut at \(count) bytes was loaded")
        }
        var random = subject.random
        // A backend that compiles needs long for an image that is damaged where it does not matter.
        let end = Clock.now() &+ (subject.isTrial ? 400_000_000 : 3_000_000_000)
        for _ in 0..<subject.rounds(2000) where Clock.now() < end {
            var damaged = whole
            for _ in 0..<3 {
                let place = Int.random(in: 0..<min(200, damaged.count), using: &random)
                damaged[place] = UInt8.random(in: 0...255, using: &random)
            }
            if let image = rig.load(damaged).image { rig.unload(image) }
        }
    },
    Check("image-entry", .compute, "A backend that lets entries be named refuses one that the image does not export.") {
        subject in
        let rig = try ComputeRig(subject)
        guard rig.caps.flags & DN_COMPUTE_NAMED_ENTRIES != 0 else {
            throw NotApplicable(why: "its images begin where they say (no DN_COMPUTE_NAMED_ENTRIES)")
        }
        let loaded = rig.load(try rig.bytes(.exits), entry: "no function of this name")
        if let image = loaded.image { rig.unload(image) }
        try require(
            loaded.status == DN_BAD_IMAGE,
            "an entry that is not there gave \(ABIName.status(loaded.status)), not DN_BAD_IMAGE")
    },
    Check("context-bounds", .compute, "Addresses outside of the context, wrapping ones too, are out of range.") {
        subject in
        let rig = try ComputeRig(subject)
        let sandbox = try rig.context(try rig.image(.exits))
        defer { rig.end(sandbox) }
        let limit = sandbox.info.limit
        let valid = sandbox.entryBlock
        let wild: [(UInt64, UInt64)] = [
            (limit, 1), (limit &- 1, 2), (.max, 2), (.max &- 7, 16), (limit &+ 1, .max),
            // From an address that is the context's, once around all addresses.
            (valid, .max), (valid, 0 &- valid), (valid, 0 &- valid &+ 8), (valid, limit &- valid &+ 1),
            (valid, 1 << 63), (sandbox.info.low, .max &- 8),
        ]
        for (address, length) in wild {
            let what = "address \(address), length \(length)"
            let read = sandbox.read(address, claiming: length)
            try require(
                read.status == DN_OUT_OF_RANGE, "context_read at \(what) gave \(ABIName.status(read.status))")
            try require(read.bytes.allSatisfy { $0 == 0xee }, "context_read at \(what) copied a part")
            let view = sandbox.view(address, length).status
            try require(view == DN_OUT_OF_RANGE, "context_view at \(what) gave \(ABIName.status(view))")
            let bytes = [UInt8](repeating: 1, count: 4096)
            let written = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map { sandbox.write(address, $0, claiming: length) } ?? DN_FAILED
            }
            try require(written == DN_OUT_OF_RANGE, "context_write at \(what) gave \(ABIName.status(written))")
        }
    },
    Check("context-read-write", .compute, "What is written is read and seen through a view, byte for byte.") {
        subject in
        let rig = try ComputeRig(subject)
        let sandbox = try rig.context(try rig.image(.exits))
        defer { rig.end(sandbox) }
        let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let address = sandbox.entryBlock &+ 8192
        try require(sandbox.write(address, bytes) == DN_OK, "context_write failed")
        let read = sandbox.read(address, claiming: 4096)
        try require(read.status == DN_OK && read.bytes == bytes, "context_read gives other bytes")
        let view = sandbox.view(address, 4096)
        try require(view.bytes.map { Array($0) } == bytes, "context_view gives other bytes")
    },
    Check("isolation-zero", .compute, "Every context begins zeroed: nothing of an earlier one is left.") { subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.exits)
        for round in 0..<6 {
            let sandbox = try rig.context(image)
            let begin = sandbox.entryBlock &+ 4096
            guard let memory = sandbox.view(begin, sandbox.info.limit &- begin).bytes else {
                throw Violation(what: "context_view of all free memory failed")
            }
            try require(memory.allSatisfy { $0 == 0 }, "context \(round) begins with bytes that are not zero")
            let filling: UInt8 = 0xa5
            for index in memory.indices { memory[index] = filling }
            _ = try rig.run(sandbox, deadline: 5_000_000_000)
            rig.end(sandbox)
        }
    },
    Check("run-exit", .compute, "A function that leaves is reported as exited, its exit code in its system data.") {
        subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.exits)
        for _ in 0..<3 {
            let sandbox = try rig.context(image)
            let result = try rig.run(sandbox, deadline: 5_000_000_000)
            try require(result.outcome == DN_RUN_EXITED, "a function that leaves \(told(result)), not exited")
            let code = sandbox.read(sandbox.systemData, claiming: 4).bytes[0]
            rig.end(sandbox)
            try require(code == 7, "the exit code in the system data is \(code), not 7")
        }
    },
    Check("run-fault", .compute, "A wild access and a system call stop the function, and the next one runs.") {
        subject in
        let rig = try ComputeRig(subject)
        guard rig.caps.isolation != 0 else { throw NotApplicable(why: "it isolates nothing, by its own word") }
        let attempts: [(String, Guest)] =
            [("a wild read", .faults)] + (subject.guests == nil ? [("a system call", .callsSystem)] : [])
        for (name, guest) in attempts {
            let result = try rig.runOnce(try rig.image(guest))
            try require(result.outcome == DN_RUN_FAULTED, "\(name) \(told(result)), not faulted")
            try require(result.fault_kind != DN_FAULT_NONE, "\(name) gave a fault without its kind")
        }
        let after = try rig.runOnce(try rig.image(.exits))
        try require(after.outcome == DN_RUN_EXITED, "the function after a fault \(told(after))")
    },
    Check("run-deadline", .compute, "An endless function is stopped at its deadline, within the promised latency.") {
        subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.loops)
        let begin = Clock.now()
        let result = try rig.runOnce(image, deadline: 30_000_000)
        let took = Clock.now() &- begin
        try require(result.outcome == DN_RUN_DEADLINE, "an endless function \(told(result)), not deadline")
        try require(took >= 30_000_000, "it was stopped after \(took) ns, before its deadline")
        // Half a second for a machine that does other things.
        let allowed = 530_000_000 &+ rig.caps.interrupt_latency
        try require(took <= allowed, "it was stopped after \(took) ns, allowed were \(allowed)")
    },
    Check("interrupt-during", .compute, "An interrupt from another thread, given twice, cancels the run.") { subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.loops)
        let run = rig.nextRun
        let interrupter = try HostThread(subject.contract, "interrupter") {
            Sleep.milliseconds(30)
            rig.interrupt(run)
            rig.interrupt(run)
        }
        defer { interrupter.join() }
        let result = try rig.runOnce(image, deadline: 3_000_000_000)
        try require(result.outcome == DN_RUN_CANCELLED, "an interrupted function \(told(result)), not cancelled")
    },
    Check("interrupt-before", .compute, "A run that is interrupted before it begins ends at once when it does.") {
        subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.loops)
        rig.interrupt(rig.nextRun)
        let result = try rig.runOnce(image, deadline: 3_000_000_000)
        try require(result.outcome == DN_RUN_CANCELLED, "an interrupted function \(told(result)), not cancelled")
    },
    Check("interrupt-stale", .compute, "An interrupt of a run that is over does not touch the next one.") { subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.exits)
        let over = rig.nextRun
        _ = try rig.runOnce(image)
        rig.interrupt(over)
        rig.interrupt(over)
        let next = try rig.runOnce(image)
        try require(next.outcome == DN_RUN_EXITED, "the run after it \(told(next))")
    },
    Check("context-threads", .compute, "A context may be destroyed on another thread than its engine's.") { subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.exits)
        for _ in 0..<8 {
            let sandbox = try rig.context(image)
            let result = try rig.run(sandbox, deadline: 5_000_000_000)
            try require(result.outcome == DN_RUN_EXITED, "a function that leaves \(told(result)), not exited")
            // SAFETY of nonisolated(unsafe): this thread waits while the other uses it.
            nonisolated(unsafe) let handle = sandbox.handle
            try HostThread(subject.contract, "destroyer") { rig.destroy(handle) }.join()
            rig.idle()
        }
    },
    Check("context-kept", .compute, "After a run, and context_settle, the memory stays as it is while others run.") {
        subject in
        let rig = try ComputeRig(subject)
        let (exits, loops) = (try rig.image(.exits), try rig.image(.loops))
        for (image, deadline) in [(exits, 5_000_000_000), (loops, 10_000_000)] as [(OpaquePointer, UInt64)] {
            let sandbox = try rig.context(image)
            defer { rig.end(sandbox) }
            let free = sandbox.entryBlock &+ 4096
            try require(
                sandbox.write(free, [UInt8](repeating: 0x5a, count: 4096)) == DN_OK, "context_write failed")
            _ = try rig.run(sandbox, deadline: deadline)
            let before = sandbox.read(free, claiming: 4096)
            try require(before.bytes.allSatisfy { $0 == 0x5a }, "bytes that no function touched changed in the run")
            for _ in 0..<2 {
                if let status = rig.settle(sandbox) {
                    try require(status == DN_OK, "context_settle gave \(ABIName.status(status))")
                }
            }
            if rig.caps.contexts_per_engine != 1 {
                let next = try rig.runOnce(exits)
                try require(next.outcome == DN_RUN_EXITED, "while a context is held, the next function \(told(next))")
            }
            let after = sandbox.read(free, claiming: 4096)
            try require(after.status == DN_OK, "context_read after the run gave \(ABIName.status(after.status))")
            try require(after.bytes == before.bytes, "the memory changed after the run's end")
        }
    },
    Check("runs-leak-nothing", .compute, "Runs leave no descriptor, thread, mapping or signal handler behind.") {
        subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.exits)
        // What is made once and kept, such as a store of sandboxes, is there after these.
        let rounds = 40
        for _ in 0..<rounds { _ = try rig.runOnce(image) }
        usleep(50_000)
        let before = Resources.now()
        for _ in 0..<rounds { _ = try rig.runOnce(image) }
        // Less than one page table's worth for each, more than an allocator takes at once.
        try Resources.requireNoMore(than: before, after: "\(rounds) runs", mapped: 16 << 20)
    },
]

/// How a run ended: outcome, fault and detail by their names.
func told(_ result: dn_run_result) -> String {
    guard result.outcome == DN_RUN_FAULTED else { return "ended with outcome \(ABIName.outcome(result.outcome))" }
    let detail = withUnsafeBytes(of: result.detail) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return
        "ended with outcome faulted, fault \(ABIName.fault(result.fault_kind))\(detail.isEmpty ? "" : " (\(detail))")"
}
