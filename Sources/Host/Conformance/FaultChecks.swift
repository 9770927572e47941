internal import Glibc
internal import Platform
internal import PluginABI
internal import PluginHost

/// Isolation backends: what a function cannot do, and what is told of it when it tries.
let faultChecks: [Check] = [
    Check("image-facts", .compute, "The facts of an image are true: its least memory holds it, and less is refused.") {
        subject in
        let rig = try ComputeRig(subject)
        let image = try rig.image(.exits)
        let facts = try rig.facts(of: image)
        try require(
            facts.pointer_bytes == 4 || facts.pointer_bytes == 8, "pointer_bytes is \(facts.pointer_bytes), not 4 or 8")
        try require(
            facts.context_min >= facts.data_begin,
            "context_min is \(facts.context_min), below data_begin \(facts.data_begin): no input fits behind the image")
        let least = rig.makeContext(image, limit: facts.context_min)
        try ComputeRig.check(least.status, least.error, "\(least.call) with context_min, \(facts.context_min) bytes,")
        if let context = least.context { rig.destroy(context) }
        rig.idle()
        for limit in [0, facts.context_min / 2] {
            let less = rig.makeContext(image, limit: limit)
            try require(
                less.status != DN_OK,
                "a context of \(limit) bytes took an image whose context_min is \(facts.context_min)")
            rig.idle()
        }
        guard rig.caps.context_max < .max - 4096 else { return }
        let more = rig.makeContext(image, limit: rig.caps.context_max + 4096)
        try require(more.status == DN_LIMIT, "a context above context_max gave \(ABIName.status(more.status))")
    },
    Check("context-view", .compute, "Memory and stack are where context_info says, in full and zeroed.") { subject in
        let rig = try ComputeRig(subject)
        let sandbox = try rig.context(try rig.image(.exits))
        defer { rig.end(sandbox) }
        let info = sandbox.info
        try require(
            info.low < info.limit && info.limit <= 1 << 20,
            "context_info tells of memory from \(info.low) to \(info.limit) in a context of \(1 << 20) bytes")
        try require(
            info.stack_low <= info.stack_high,
            "context_info tells of a stack from \(info.stack_low) to \(info.stack_high)")
        try require(
            info.stack_high <= info.low || info.stack_low >= info.limit || info.stack_low == info.stack_high,
            "the stack lies inside of the memory")
        let memory = sandbox.view(info.low, info.limit &- info.low)
        try require(memory.status == DN_OK, "context_view of all memory gave \(ABIName.status(memory.status))")
        guard info.stack_low < info.stack_high else { return }
        let stack = sandbox.view(info.stack_low, info.stack_high &- info.stack_low, DN_VIEW_READ)
        try require(stack.status == DN_OK, "context_view of the stack gave \(ABIName.status(stack.status))")
        let bytes = UnsafeRawBufferPointer(stack.bytes ?? .init(start: nil, count: 0))
        try require(
            ReadableMemory.holds(bytes.baseAddress, bytes.count), "the view of the stack is not all readable memory")
        try require(bytes.allSatisfy { $0 == 0 }, "the stack begins with bytes that are not zero")
    },
    Check("stack", .compute, "What a function leaves on its stack is seen there, and below the stack it faults.") {
        subject in
        let rig = try native(subject)
        let sandbox = try rig.context(try rig.image(.pushes))
        let result = try rig.run(sandbox, deadline: 5_000_000_000)
        let info = sandbox.info
        let view = sandbox.view(info.stack_low, info.stack_high &- info.stack_low, DN_VIEW_READ)
        let top = (view.bytes?.suffix(4096)).map { Array($0) } ?? []
        rig.end(sandbox)
        try require(result.outcome == DN_RUN_EXITED, "a function that pushes a number \(told(result))")
        try require(view.status == DN_OK, "context_view of the stack gave \(ABIName.status(view.status))")
        try require(
            top.firstRange(of: GuestImage.secretBytes) != nil,
            "the number that a function pushed is not in its stack's view")
        let endless = try rig.runOnce(try rig.image(.recurses))
        try expect(endless, [DN_FAULT_STACK], "a function that calls itself for ever")
        let below = try rig.runOnce(try rig.image(.writesAt), argument: info.stack_low &- 8)
        try expect(below, [DN_FAULT_STACK], "a write below the stack")
    },
    Check("fault-kinds", .compute, "Each fault is told by its kind, address and instruction.") { subject in
        let rig = try native(subject)
        guard rig.caps.isolation != 0 else { throw NotApplicable(why: "it isolates nothing, by its own word") }
        let far: UInt64 = 0x7fff_0000_0000
        let accesses: [(String, Guest, UInt64, Set<Int32>)] = [
            ("a read far above", .readsAt, far, [DN_FAULT_READ]), ("a read of address 0", .readsAt, 0, [DN_FAULT_READ]),
            ("a write far above", .writesAt, far, [DN_FAULT_WRITE]),
            ("a write to address 8", .writesAt, 8, [DN_FAULT_WRITE]),
            ("a write to its code", .writesAt, GuestImage.codeAddress, [DN_FAULT_WRITE]),
            ("a jump to its data", .jumpsTo, GuestImage.dataAddress, [DN_FAULT_EXECUTE]),
            ("a jump to address 0", .jumpsTo, 0, [DN_FAULT_EXECUTE]),
            ("a read behind its limit", .readsAt, 1 << 20, [DN_FAULT_MEMORY_LIMIT, DN_FAULT_READ]),
            ("a read of the kernel", .readsAt, 0xffff_8000_0000_0000, [DN_FAULT_READ, DN_FAULT_PROTECTION]),
        ]
        for (what, guest, address, kinds) in accesses {
            let result = try rig.runOnce(try rig.image(guest), argument: address)
            try expect(result, kinds, what)
            if guest != .jumpsTo { try judgePlace(result, rig, guest, address, what) }
        }
        let others: [(String, Guest, Set<Int32>)] = [
            ("an illegal instruction", .illegal, [DN_FAULT_ILLEGAL_INSTRUCTION]),
            ("a division by zero", .divides, [DN_FAULT_ARITHMETIC]),
            ("a privileged instruction", .privileged, [DN_FAULT_PROTECTION]), ("a breakpoint", .traps, [DN_FAULT_TRAP]),
            ("a system call", .callsSystem, [DN_FAULT_SYSCALL]),
        ]
        for (what, guest, kinds) in others {
            let result = try rig.runOnce(try rig.image(guest))
            try expect(result, kinds, what)
            guard guest == .callsSystem, rig.caps.flags & DN_COMPUTE_SYSCALL_NUMBER != 0 else { continue }
            try require(
                result.valid & DN_RESULT_SYSCALL != 0 && result.syscall_number == 39,
                "\(what) number 39 is told as number \(result.syscall_number)")
        }
    },
    Check(
        "system-calls", .compute,
        "No system call gets through: not the 64-bit one, nor those of 32-bit and x32 programs."
    ) {
        subject in
        let rig = try native(subject)
        guard rig.caps.isolation != 0 else { throw NotApplicable(why: "it isolates nothing, by its own word") }
        for (what, guest) in [
            ("syscall", Guest.callsSystem), ("int 0x80", .callsByInterrupt), ("sysenter", .callsBySysenter),
            ("syscall with an x32 number", .callsX32),
        ] {
            let result = try rig.runOnce(try rig.image(guest))
            try require(
                result.outcome == DN_RUN_FAULTED, "a function that makes a system call by \(what) \(told(result))")
        }
    },
    Check("isolation-host-memory", .compute, "Nothing of the host's memory is mapped where a function runs.") {
        subject in
        let rig = try native(subject)
        guard rig.caps.isolation != 0 else { throw NotApplicable(why: "it isolates nothing, by its own word") }
        let (reads, writes) = (try rig.image(.readsAt), try rig.image(.writesAt))
        // At addresses of the host's that are not by chance the function's own.
        let sandbox = try rig.context(reads)
        let info = sandbox.info
        rig.end(sandbox)
        let places = try HostMap.places(most: subject.rounds(96)).filter { place in
            !(info.low..<info.limit).contains(place.address)
                && !(info.stack_low..<info.stack_high).contains(place.address)
        }
        for place in places {
            let result = try rig.runOnce(reads, argument: place.address)
            let what = "a read of \(place.what) of the host, at address \(place.address),"
            try require(result.outcome == DN_RUN_FAULTED, "\(what) \(told(result))")
        }
        let target = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        defer { target.deallocate() }
        let result = try rig.runOnce(writes, argument: UInt64(UInt(bitPattern: target)))
        try require(result.outcome == DN_RUN_FAULTED, "a write to memory of the host \(told(result))")
    },
    Check("run-time", .compute, "run_ns is the time from entering a sandbox to leaving it.") { subject in
        let rig = try ComputeRig(subject)
        let (exits, loops) = (try rig.image(.exits), try rig.image(.loops))
        for (image, deadline, least) in [(exits, 5_000_000_000, 0), (loops, 40_000_000, 20_000_000)]
            as [(OpaquePointer, UInt64, UInt64)]
        {
            let begin = Clock.now()
            let result = try rig.runOnce(image, deadline: deadline)
            let wall = Clock.now() &- begin
            try require(
                result.run_ns <= wall && result.run_ns >= least,
                "run_ns is \(result.run_ns) for a run that took between \(least) and \(wall) ns")
        }
    },
]

/// A rig for functions that the kit has in machine code only.
private func native(_ subject: Subject) throws -> ComputeRig {
    let rig = try ComputeRig(subject)
    guard subject.guests == nil else { throw NotApplicable(why: "the kit has such functions in machine code only") }
    _ = try rig.bytes(.exits)
    return rig
}

/// Of a backend that does not know the kind, nothing more is asked.
private func expect(_ result: dn_run_result, _ kinds: Set<Int32>, _ what: String) throws {
    let known = kinds.union([DN_FAULT_OTHER, DN_FAULT_KILLED])
    try require(
        result.outcome == DN_RUN_FAULTED && known.contains(result.fault_kind),
        "\(what) \(told(result)), expected was fault \(kinds.map(ABIName.fault).sorted().joined(separator: " or "))")
}

private func judgePlace(
    _ result: dn_run_result, _ rig: ComputeRig, _ guest: Guest, _ address: UInt64, _ what: String
) throws {
    guard rig.caps.flags & DN_COMPUTE_FAULT_ADDRESS != 0 else { return }
    try require(
        result.valid & DN_RESULT_ADDRESS != 0 && result.fault_address == address,
        "\(what) at address \(address) is told as one at \(result.valid & DN_RESULT_ADDRESS == 0 ? "none" : "\(result.fault_address)")"
    )
    try require(
        result.valid & DN_RESULT_PC != 0 && guest.native.code.contains(result.fault_pc),
        "\(what) is told as by the instruction at \(result.fault_pc), which is none of the function's")
}

/// What this process has mapped.
private enum HostMap {
    /// Addresses of readable memory, one of each mapping or of every few.
    static func places(most: Int) throws -> [(address: UInt64, what: String)] {
        // proc_pid_maps(5): "begin-end rights offset device inode path".
        let text = String(decoding: try Folder.read("/proc/self/maps"), as: UTF8.self)
        let places = text.split(separator: "\n").compactMap { line -> (address: UInt64, what: String)? in
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2, words.count > 1, words[1].hasPrefix("r") else { return nil }
            let name = words.count > 5 ? String(words[5]) : "anonymous memory"
            return (ends[0] &+ 64, name)
        }
        let step = max(1, places.count / max(1, most))
        return places.enumerated().filter { $0.offset % step == 0 }.map(\.element)
    }
}
