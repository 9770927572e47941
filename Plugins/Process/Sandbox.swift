import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// One slot of an engine: a memory file, the zygote that has it mapped, and at most one child of that zygote.
///
/// A child waits ready before it is needed. One that has run a function is killed, and reaped before the memory is made
/// zero and the zygote is asked for the next, so a child never meets another's data. Used by its engine's thread only.
final class Sandbox {
    private(set) var memory: SlotMemory
    private let settings: Settings
    /// The zygote's pid, 0 once it is reaped.
    private var zygote: Int32
    private let zygotePage: UnsafeMutablePointer<dp_zygote>
    /// The child's pid once it is known, 0 when there is none.
    private(set) var childPid: Int32 = 0
    /// The zygote was asked for a child that is not taken yet.
    private var asked = false
    /// The child has been told to run.
    private(set) var started = false
    /// What the child has mprotected before it got ready.
    private(set) var prepared: [PageRange] = []
    /// Layout and end of the image that was here last: the next child is made ready for it.
    private var expected: (layout: [PageRange], end: UInt64) = ([], SlotMemory.contextBegin &+ 12 * pageSize)

    /// Pages that a new child maps at once, so that the function need not fault on them: the image and some behind it.
    private static let prefaultMax = 64 * pageSize

    /// How long a zygote or a child may take to get ready before the sandbox counts as broken.
    private static let patience: UInt64 = 5_000_000_000

    /// `pinned`: the engine's thread has one CPU, which children inherit.
    init(_ settings: Settings, pinned: Bool) throws(PluginError) {
        self.settings = settings
        memory = try SlotMemory(settings)
        let file = dp_memory_file("dandelion-zygote-page", pageSize)
        guard file >= 0 else { throw PluginError(DN_NO_MEMORY, "no memory file: \(errorText(-file))", errno: -file) }
        defer { close(file) }
        guard let page = dp_map(file, pageSize) else {
            throw PluginError(DN_NO_MEMORY, "no addresses: \(errorText(errno))", errno: errno)
        }
        zygotePage = page.assumingMemoryBound(to: dp_zygote.self)
        var spawn = dp_spawn(
            slot_fd: memory.file, zygote_fd: file, batch: pinned ? 1 : 0, padding: 0, stack_size: settings.stackBytes,
            context_begin: SlotMemory.contextBegin, context_end: settings.contextMax)
        zygote = dp_spawn_zygote(&spawn)
        guard zygote > 0 else {
            munmap(page, Int(pageSize))
            throw PluginError(
                DN_UNAVAILABLE,
                "cannot execute a program made in memory: \(errorText(-zygote)); is vm.memfd_noexec set?",
                errno: -zygote)
        }
        try awaitZygote()
    }

    deinit {
        killChild()
        if zygote != 0 {
            dp_kill(zygote)
            _ = dp_reap(zygote, 1)
        }
        munmap(zygotePage, Int(pageSize))
    }

    private func awaitZygote() throws(PluginError) {
        let deadline = Clock.now() &+ Sandbox.patience
        while dp_load(dp_zygote_ready(zygotePage)) == 0, Clock.now() < deadline {
            // Short waits: a zygote that was killed wakes nobody.
            _ = dp_futex_wait(dp_zygote_ready(zygotePage), 0, Clock.now() &+ 10_000_000)
            if zygoteDied() { break }
        }
        guard dp_load(dp_zygote_ready(zygotePage)) == 1, zygotePage.pointee.failure == 0 else {
            throw StepFailure(page: zygotePage.pointee).error
        }
    }

    private func zygoteDied() -> Bool {
        guard zygote != 0, dp_reap(zygote, 0) == 0 else { return zygote == 0 }
        zygote = 0
        return true
    }

    var hasChild: Bool { childPid != 0 || asked }
    /// The child waits; asks the memory only.
    var isReady: Bool { childPid != 0 || (asked && dp_load(dp_ready(memory.child)) == DP_READY_YES) }

    /// Asks the zygote for a child that is made ready for the image that ran here last. Memory must be zero and no child
    /// left. Does not wait.
    func askForChild() {
        let child = memory.child
        prepared = expected.layout
        for range in prepared {
            _ = dp_add(&child.pointee.prepare, range.begin, range.end, protection(range.rights))
        }
        let begin = SlotMemory.contextBegin
        let end = min(roundUp(expected.end) &+ 4 * pageSize, begin &+ Sandbox.prefaultMax)
        let populate = UInt32(DP_POPULATE_READ)
        _ = dp_add(&child.pointee.prefault, begin, end, populate)
        _ = dp_add(&child.pointee.prefault, SlotMemory.stackHigh &- 2 * pageSize, SlotMemory.stackHigh, populate)
        asked = true
        zygotePage.pointee.child = 0
        dp_store(dp_command(zygotePage), zygotePage.pointee.command &+ 1)
        dp_futex_wake(dp_command(zygotePage))
    }

    /// Waits until the child is ready.
    func takeChild() throws(PluginError) {
        guard childPid == 0 else { return }
        let child = memory.child
        let deadline = Clock.now() &+ Sandbox.patience
        while dp_load(dp_ready(child)) == DP_READY_NO, Clock.now() < deadline {
            _ = dp_futex_wait(dp_ready(child), UInt32(DP_READY_NO), Clock.now() &+ 100_000_000)
            if dp_load(dp_ready(child)) == DP_READY_NO, zygoteDied() { break }
        }
        let ready = dp_load(dp_ready(child)) == DP_READY_YES
        // Trusted: nothing untrusted has run on this page yet. A child that did not get ready is known by its zygote.
        childPid = ready ? Int32(bitPattern: child.pointee.thread) : max(0, zygotePage.pointee.child)
        asked = false
        guard ready else {
            let error = child.pointee.failure
            throw PluginError(
                DN_ENGINE_DEAD, "no child process: \(error == 0 ? "it did not get ready" : errorText(error))",
                errno: error, retryable: true)
        }
    }

    func setLimit(_ bytes: UInt64) throws(PluginError) { try memory.setLimit(bytes) }

    /// Tells the waiting child what it will run; the image must fit the limit.
    func load(_ image: Image) {
        image.place(in: memory)
        expected = (image.layout, image.elf.end)
        let child = memory.child
        child.pointee.entry = image.elf.entry
        // As at a process's start: 16-aligned, and zeros above, so that a return ends at address 0.
        child.pointee.stack = SlotMemory.stackHigh &- 64
        child.pointee.change.count = 0
        guard prepared != image.layout else { return }
        for range in prepared {
            _ = dp_add(&child.pointee.change, range.begin, range.end, UInt32(PROT_READ | PROT_WRITE))
        }
        for range in image.layout {
            _ = dp_add(&child.pointee.change, range.begin, range.end, protection(range.rights))
        }
    }

    /// Sets the word that tells of the function's end to the value that it has until then.
    func expectation() -> UInt32 {
        let value = UInt32(bitPattern: childPid) | UInt32(DP_WAITERS)
        dp_store(dp_done(memory.child), value)
        return value
    }

    /// Lets the child enter the function.
    func start(argument: dn_gaddr) {
        started = true
        let child = memory.child
        child.pointee.argument = argument
        dp_store(dp_go(child), 1)
        dp_futex_wake(dp_go(child))
    }

    /// Ends the child and waits until it can touch nothing any more.
    func killChild() {
        if asked { try? takeChild() }
        guard childPid != 0 else { return }
        dp_kill(childPid)
        _ = dp_reap(childPid, 1)
        childPid = 0
        started = false
    }

    /// Whether the child has died by itself; it is reaped then.
    func childDied() -> Bool {
        guard childPid != 0, dp_reap(childPid, 0) == 0 else { return childPid == 0 }
        childPid = 0
        return true
    }

    /// After use: no child that ran a function, and zero memory. A child that still waits stays.
    func clean() throws(PluginError) {
        if started || childPid == 0 { killChild() }
        started = false
        try memory.zero(keep: settings.residentBytes, sparingControlPage: hasChild)
    }

    /// Much more memory is in use than a clean sandbox keeps.
    var isLarge: Bool { memory.used > 2 * settings.residentBytes }

    private func protection(_ rights: Rights) -> UInt32 {
        UInt32(rights.contains(.execute) ? PROT_READ | PROT_EXEC : PROT_READ)
    }
}
