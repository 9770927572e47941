import PluginABI

/// What every native backend must do with the guests of Tests/Guests. The tests of each backend run all of it.
public enum BackendSuite {
    public static let cases: [GuestCase] =
        wellBehaved + wildAccess + instructions + systemCalls + neverEnding + liars + platform

    private static let several = [
        GuestSet("first", [GuestItem("a", key: 7, [UInt8](0..<100)), GuestItem("", key: .max, [])]),
        GuestSet("second", []),
        GuestSet("third", [GuestItem("ä/b", [UInt8](repeating: 9, count: 70_000))]),
    ]

    private static let wellBehaved: [GuestCase] = [
        GuestCase(
            "echo_sets", "gives sets, items, idents and keys back", [],
            .exits(0) { $0.map(\.items) == several.map(\.items) && $0.map(\.name) == ["x", "y", "z"] }
        ).given(several, outputs: ["x", "y", "z"]),
        GuestCase("echo_sets", "has no input", [], .exits(0) { $0 == [GuestSet("out", [])] }).given(
            [GuestSet("empty", [])], outputs: ["out"]),
        GuestCase(
            "hello", "leaves one item", [], .exits(0) { items($0).map(\.data) == [[UInt8]("hello, world".utf8)] }),
        GuestCase(
            "big_output", "one megabyte", [1 << 20],
            .exits(0) { sets in
                items(sets).first?.data.count == 1 << 20
                    && items(sets).first?.data.enumerated().allSatisfy { $1 == UInt8(truncatingIfNeeded: $0) } == true
            }),
        GuestCase("original", "leaves as the original's process build", [0], .exits(42, threadPointer)),
        GuestCase("original", "leaves as the original's KVM build", [1], .exits(42, threadPointer)),
        GuestCase("zero", "its memory is zero", [], .exits(0) { numbers(in: items($0).first?.data ?? [1]) == [0, 0] }),
        GuestCase(
            "registers", "its registers are clear", [], .exits(0) { registersAreClear(items($0).first?.data ?? []) }),
        GuestCase("touch", "uses all of its limit", [900], .exits(0) { $0.count == 1 }),
    ]

    private static let wildAccess: [GuestCase] = [
        access("reads address 0", 0, 0, [DN_FAULT_READ]),
        access("writes address 8", 1, 8, [DN_FAULT_WRITE]),
        access("jumps to address 0", 2, 0, [DN_FAULT_EXECUTE]),
        access("runs its data", 2, 1, [DN_FAULT_EXECUTE]),
        access("writes its code", 1, 2, [DN_FAULT_WRITE]),
        access("writes a constant", 1, 6, [DN_FAULT_WRITE]),
        access("reads behind its limit", 0, 3, [DN_FAULT_MEMORY_LIMIT]),
        access("writes behind its limit", 1, 3, [DN_FAULT_MEMORY_LIMIT]),
        access("writes below its stack", 1, 4, [DN_FAULT_STACK]),
        access("reads far above", 0, 0x7fff_0000_0000, [DN_FAULT_READ]),
        access("writes far above", 1, 0x7fff_0000_0000, [DN_FAULT_WRITE]),
        access("reads the kernel", 0, 0xffff_8000_0000_0000, [DN_FAULT_READ]),
        access("writes the kernel", 1, 0xffff_ffff_8000_0000, [DN_FAULT_WRITE]),
        access("writes the platform's exit", 1, 5, [DN_FAULT_WRITE]),
        GuestCase(
            "access", "reads a non-canonical address", [0, 0x8000_0000_0000_0000],
            .faults([DN_FAULT_PROTECTION], .init(pc: true))),
        GuestCase("touch", "uses more than its limit", [2000], .faults([DN_FAULT_MEMORY_LIMIT])),
        GuestCase("recurse", "fills its stack", [], .faults([DN_FAULT_STACK])),
    ]

    private static let instructions: [GuestCase] = [
        instruction("ud2", 0, [DN_FAULT_ILLEGAL_INSTRUCTION]),
        instruction("division by zero", 1, [DN_FAULT_ARITHMETIC]),
        instruction("hlt", 2, [DN_FAULT_PROTECTION]),
        instruction("cli", 3, [DN_FAULT_PROTECTION]),
        instruction("in", 4, [DN_FAULT_PROTECTION]),
        instruction("out", 5, [DN_FAULT_PROTECTION]),
        instruction("wrmsr", 6, [DN_FAULT_PROTECTION]),
        instruction("mov from cr3", 7, [DN_FAULT_PROTECTION]),
        GuestCase("instruction", "int3", [8], .faults([DN_FAULT_TRAP])),
        GuestCase("instruction", "a compiler's trap", [10], .faults([DN_FAULT_TRAP], .init(pc: true, trap: 7))),
        GuestCase("instruction", "a compiler's trap 0", [11], .faults([DN_FAULT_TRAP], .init(pc: true, trap: 0))),
        instruction("int 33", 9, [DN_FAULT_PROTECTION, DN_FAULT_ILLEGAL_INSTRUCTION]),
    ]

    /// Intel's processors know sysenter in 64-bit code. Without a stack below 4 GiB Linux refuses it and goes on where a
    /// 32-bit program would have its vDSO, which is any address below 4 GiB.
    private static let wildJump: Set<Int32> = [DN_FAULT_MEMORY_LIMIT, DN_FAULT_EXECUTE, DN_FAULT_READ, DN_FAULT_STACK]

    private static let systemCalls: [GuestCase] =
        // write, fork, clone, execve, kill, ptrace, mmap, mprotect, rt_sigreturn, socket, process_vm_writev
        [1, 57, 56, 59, 62, 101, 9, 10, 15, 41, 311].map { (number: Int64) in
            GuestCase(
                "system_call", "syscall \(number)", [0, UInt64(number), 1, 0x10000, 4],
                .faults([DN_FAULT_SYSCALL], .init(pc: true, syscall: number)))
        } + [
            GuestCase(
                "system_call", "x32 syscall", [0, 0x4000_0001, 1, 0x10000, 4],
                .faults([DN_FAULT_SYSCALL], .init(pc: true, syscall: 0x4000_0001))),
            GuestCase(
                "system_call", "int 0x80", [1, 4, 1, 0x10000, 4],
                .faults([DN_FAULT_SYSCALL, DN_FAULT_PROTECTION, DN_FAULT_ILLEGAL_INSTRUCTION], .init(pc: true))),
            GuestCase(
                "system_call", "sysenter", [2, 4, 1, 0x10000, 4],
                .faults(wildJump.union([DN_FAULT_SYSCALL, DN_FAULT_PROTECTION, DN_FAULT_ILLEGAL_INSTRUCTION]))),
            GuestCase(
                "system_call", "sysenter with a low stack", [4, 20, 1, 0x10000, 4],
                .faults([DN_FAULT_SYSCALL, DN_FAULT_PROTECTION, DN_FAULT_ILLEGAL_INSTRUCTION])),
            GuestCase(
                "system_call", "vsyscall page", [3], .faults([DN_FAULT_SYSCALL, DN_FAULT_EXECUTE, DN_FAULT_READ])),
        ]

    private static let neverEnding: [GuestCase] = [
        GuestCase("loop", "is stopped at its deadline", [], deadline: 20_000_000, .stops(DN_RUN_DEADLINE))
    ]

    private static let liars: [GuestCase] = (0..<11).map { how in
        GuestCase("lying_output", "way \(how)", [UInt64(how)], .lies)
    }

    private static let platform: [GuestCase] =
        [0, 1, 2, 3].map { GuestCase("segments", "way \($0)", [$0], .contained) }
        + [0x100, 0x40000, 0x4000, 0x400, 0x44d00].flatMap { (flags: UInt64) in
            [
                GuestCase("flags", "faults with flags \(hex(flags))", [flags, 1], .contained),
                GuestCase("flags", "leaves with flags \(hex(flags))", [flags, 0], .contained),
            ]
        }

    private static func hex(_ value: UInt64) -> String { String(value, radix: 16) }

    private static func access(_ title: String, _ what: UInt64, _ address: UInt64, _ kinds: Set<Int32>) -> GuestCase {
        GuestCase("access", title, [what, address], .faults(kinds, .init(address: true, pc: true)))
    }

    private static func instruction(_ title: String, _ which: UInt64, _ kinds: Set<Int32>) -> GuestCase {
        GuestCase("instruction", title, [which], .faults(kinds, .init(pc: true)))
    }

    private static func items(_ sets: [GuestSet]) -> [GuestItem] { sets.first?.items ?? [] }

    private static let threadPointer: @Sendable ([GuestSet]) -> Bool = { sets in
        items(sets).first?.data == bytes(of: 0x1122_3344_5566_7788)
    }

    /// All but rdi (the entry block) and rsp, which is 16-aligned; MXCSR and the x87 control word at their defaults.
    private static func registersAreClear(_ data: [UInt8]) -> Bool {
        var values = numbers(in: data)
        guard values.count == 24, values[5] != 0, values[7] % 16 == 0 else { return false }
        let flags = values[16] & ~0x202 & ~0x44  // parity and zero follow from clearing registers
        let control = (values[17] & 0xffff, values[18] & 0xffff)
        for index in [5, 7, 16, 17, 18] { values[index] = 0 }
        return flags == 0 && control == (0x1f80, 0x37f) && values.allSatisfy { $0 == 0 }
    }

    /// Cases that do not leave as functions do: they must be met alike when they begin from a snapshot.
    public static let hostile = cases.filter { if case .exits = $0.expectation { false } else { true } }

    /// Runs a case from a snapshot of what the guest left of a run before, with memory enough to be mapped and not copied.
    public static func runFromSnapshot(
        _ guestCase: GuestCase, on engine: HarnessEngine, _ images: GuestImages
    ) throws(HarnessError) -> [String] {
        let image = try images.image(guestCase.guest)
        let context = try engine.context(limit: guestCase.limit, image: image)
        let begin = (image.info.data_begin + 4095) & ~4095 + 1 << 20
        try context.write(inputs: guestCase.inputs, outputs: guestCase.outputs)
        try context.write(begin, [UInt8](repeating: 0x5a, count: 5 << 18))
        _ = try engine.run(context, deadline: guestCase.deadline)
        let snapshot = try context.snapshot(begin + 5 << 18)
        context.destroy()
        engine.idle()
        return guestCase.problems(
            try engine.invoke(
                snapshot, inputs: guestCase.inputs, outputs: guestCase.outputs, limit: guestCase.limit,
                deadline: guestCase.deadline))
    }

    /// Runs a case on an engine; what is wrong, empty when nothing is.
    public static func run(_ guestCase: GuestCase, on engine: HarnessEngine, _ images: GuestImages) throws(HarnessError)
        -> [String]
    {
        let image = try images.image(guestCase.guest)
        return guestCase.problems(
            try engine.invoke(
                image, inputs: guestCase.inputs, outputs: guestCase.outputs, limit: guestCase.limit,
                deadline: guestCase.deadline))
    }
}

/// The guests' images under one plugin, each compiled and loaded once.
public final class GuestImages {
    private let plugin: HarnessPlugin
    private var loaded: [String: HarnessImage] = [:]

    public init(_ plugin: HarnessPlugin) { self.plugin = plugin }

    public func image(_ guest: String) throws(HarnessError) -> HarnessImage {
        if let image = loaded[guest] { return image }
        let image = try plugin.load(try GuestCompiler.image(guest), label: guest)
        loaded[guest] = image
        return image
    }
}
