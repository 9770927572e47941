import CPluginKit
import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// What a child has done before it waits, and what it must undo for another image.
struct Readiness {
    var layout: [PageRange] = []
    /// The mapped image, while it is loaded, and how.
    private(set) weak var mapped: Image?
    private(set) var plan: Plan?

    var parts: [ImageContents.Part] { plan?.mapped ?? [] }

    init() {}

    /// - Parameter plan: nil = all of the image is copied.
    init(_ image: Image, _ plan: Plan?) {
        layout = image.layout
        mapped = plan == nil ? nil : image
        self.plan = plan
    }

    func fits(_ image: Image, _ plan: Plan?) -> Bool {
        layout == image.layout && self.plan === plan && (plan == nil || mapped === image)
    }

    /// It has an image mapped that was unloaded since.
    var isStale: Bool { !parts.isEmpty && mapped == nil }
}

/// One slot of an engine: a memory file, the zygote that has it mapped, and at most one child of that zygote.
///
/// A child waits ready before it is needed. One that has run a function is made as new where the kernel holds it
/// (Reset.swift), or is killed, and reaped before the memory is made zero and the zygote is asked for the next, so a child
/// never meets another's data. Used by its engine's thread only.
final class Sandbox {
    private(set) var memory: SlotMemory
    private let settings: Settings
    let pages: PageList
    private let holding: Holding
    /// Of the engine, when children are held at their end.
    let holder: Holder?
    private let recycler: Recycler
    /// By which children get files.
    private let socket: Int32
    /// Of the last message that was sent there.
    private var message: UInt64 = 0
    /// The zygote's pid, 0 once it is reaped.
    private var zygote: Int32
    private let zygotePage: UnsafeMutablePointer<dp_zygote>
    /// The child's pid once it is known, 0 when there is none.
    private(set) var childPid: Int32 = 0
    /// The zygote was asked for a child that is not taken yet.
    private var asked = false
    /// The child has been told to run.
    private(set) var started = false
    var prepared = Readiness()
    /// The kernel holds the child, which has run a function and is as new.
    var isHeld = false
    /// The function left as functions do, and the kernel holds its process.
    private var hasLeft = false
    /// The image that was here last: the next child is made ready for it.
    private weak var expected: Image?
    /// What is loaded now.
    private(set) var loaded: Image?
    /// The child's, once it was needed.
    private(set) var pagemap: Pagemap?

    /// Pages that a new child maps at once, so that the function need not fault on them: the image and some behind it.
    private static let prefaultMax = 64 * pageSize
    /// Where the end of an image is expected before there was one.
    private static let usualEnd = SlotMemory.contextBegin &+ 12 * pageSize

    /// How often a zygote is made anew that was killed before it was ready: by the system for want of memory, or by somebody.
    private static let mostAttempts = 3

    /// One that is ready for children.
    static func make(
        _ settings: Settings, _ services: HostServices, _ pages: PageList, _ holding: Holding, _ holder: Holder?,
        pinned: Bool
    ) throws(PluginError) -> Sandbox {
        for _ in 1..<mostAttempts {
            do throws(PluginError) {
                return try Sandbox(settings, pages, services, holding, holder, pinned: pinned)
            } catch {
                guard error.status == DN_ENGINE_DEAD else { throw error }
                services.log(DN_LOG_WARNING, "\(error.message); making another")
            }
        }
        return try Sandbox(settings, pages, services, holding, holder, pinned: pinned)
    }

    /// `pinned`: the engine's thread has one CPU, which children inherit.
    private init(
        _ settings: Settings, _ pages: PageList, _ services: HostServices, _ holding: Holding, _ holder: Holder?,
        pinned: Bool
    ) throws(PluginError) {
        self.settings = settings
        self.pages = pages
        self.holding = holding
        self.holder = holding.isUsable ? holder : nil
        recycler = Recycler(pages.own)
        memory = try SlotMemory(settings, services)
        var ends: (host: Int32, child: Int32) = (-1, -1)
        let error = dp_socket_pair(&ends.host, &ends.child)
        guard error == 0 else {
            throw PluginError(DN_NO_MEMORY, "no socket for a sandbox: \(errorText(-error))", errno: -error)
        }
        socket = ends.host
        defer { close(ends.child) }
        // Until the zygote is set, `deinit` does not follow a throw; from then on it does.
        let file = dk_memory_file("dandelion-zygote-page", pageSize)
        guard file >= 0 else {
            close(socket)
            throw PluginError(DN_NO_MEMORY, "no memory file: \(errorText(-file))", errno: -file)
        }
        defer { close(file) }
        guard let page = dp_map(file, pageSize) else {
            let error = errno
            close(socket)
            throw PluginError(DN_NO_MEMORY, "no addresses: \(errorText(error))", errno: error)
        }
        zygotePage = page.assumingMemoryBound(to: dp_zygote.self)
        var spawn = dp_spawn(
            slot_fd: memory.file, zygote_fd: file, socket: ends.child, batch: pinned ? 1 : 0,
            held: self.holder == nil ? 0 : 1, padding: 0,
            stack_size: settings.stackBytes, context_offset: memory.offset(SlotMemory.contextBegin),
            small_end: min(SlotMemory.smallEnd, settings.contextMax), context_begin: SlotMemory.contextBegin,
            context_end: settings.contextMax)
        let made = dp_spawn_zygote(&spawn)
        guard made > 0 else {
            munmap(page, Int(pageSize))
            close(socket)
            throw PluginError(
                DN_UNAVAILABLE,
                "cannot execute a program made in memory: \(errorText(-made)); is vm.memfd_noexec set?", errno: -made)
        }
        zygote = made
        try awaitZygote()
    }

    deinit {
        killChild()
        if zygote != 0 {
            dp_kill(zygote)
            _ = dp_reap(zygote, 1)
        }
        munmap(zygotePage, Int(pageSize))
        close(socket)
    }

    private func awaitZygote() throws(PluginError) {
        var patience = Patience()
        var end: Int32?
        // Short waits: a zygote that was killed wakes nobody.
        while dp_load(dp_zygote_ready(zygotePage)) == 0, end == nil, patience.takeStep() {
            _ = dp_futex_wait(dp_zygote_ready(zygotePage), 0, Clock.now() &+ Patience.step)
            end = endOfZygote()
        }
        guard dp_load(dp_zygote_ready(zygotePage)) == 1, zygotePage.pointee.failure == 0 else {
            throw StepFailure(page: zygotePage.pointee, end: end, waited: Patience.seconds).error
        }
    }

    /// How the zygote ended (`dp_reap_telling`); nil = it lives.
    private func endOfZygote() -> Int32? {
        guard zygote != 0 else { return 0 }
        var end: Int32 = 0
        guard dp_reap_telling(zygote, &end) == 0 else { return nil }
        zygote = 0
        return end
    }

    var hasChild: Bool { childPid != 0 || asked }
    /// The child waits; asks the memory only.
    var isReady: Bool { childPid != 0 || (asked && dp_load(dp_ready(memory.child)) == DP_READY_YES) }

    /// Whether the image is mapped here, not copied.
    private func plan(for image: Image) -> Plan? { pages.isUsable && image.isMappable ? image.plan : nil }

    /// The child, if there is one, has what the image needs.
    func isPrepared(for image: Image) -> Bool { prepared.fits(image, plan(for: image)) }

    /// A child waits with an image that nobody can run any more.
    var isStale: Bool { prepared.isStale }

    /// Asks the zygote for a child that is made ready for the image that ran here last. Memory must be zero and no child
    /// left. Does not wait.
    func askForChild() {
        let list = dp_prepare(memory.child)
        (list.pointee.count, list.pointee.message) = (0, 0)
        prepared = Readiness()
        if let image = expected {
            var plan = plan(for: image)
            if plan != nil, let file = image.contents.file, send(&list.pointee.message, [file]) != 0 { plan = nil }
            for part in plan?.mapped ?? [] { add(part, file: 0, to: list) }
            prepared = Readiness(image, plan)
            for range in image.layout { protect(range.begin, range.end, protection(range.rights), list) }
            if let plan { prefault(image, plan, list) }
        }
        if prepared.parts.isEmpty {
            let begin = SlotMemory.contextBegin
            let end = min(roundUp(expected?.end ?? Self.usualEnd) &+ 4 * pageSize, begin &+ Sandbox.prefaultMax)
            advise(begin..<end, DP_POPULATE_READ, list)
        }
        advise(SlotMemory.stackHigh &- 2 * pageSize..<SlotMemory.stackHigh, DP_POPULATE_READ, list)
        asked = true
        zygotePage.pointee.child = 0
        dp_store(dp_command(zygotePage), zygotePage.pointee.command &+ 1)
        dp_futex_wake(dp_command(zygotePage))
    }

    /// Pages that the last run of a mapped image touched, and those that every run does.
    private func prefault(_ image: Image, _ plan: Plan, _ list: UnsafeMutablePointer<dp_operations>) {
        let habit = image.habits.bounded
        for part in plan.copied { advise(part.range, DP_POPULATE_READ, list) }
        for range in habit.written { advise(range, DP_POPULATE_WRITE, list) }
        for range in habit.read { advise(range, DP_POPULATE_READ, list) }
        let end = image.end & ~(pageSize &- 1)
        advise(end..<end &+ 4 * pageSize, DP_POPULATE_READ, list)
    }

    /// Sends files to the child that asks for the message of that number, which is 0 when they could not be sent.
    private func send(_ number: inout UInt64, _ files: [Int32]) -> Int32 {
        message &+= 1
        let error = dp_send(socket, message, files, UInt32(files.count))
        number = error == 0 ? message : 0
        return -error
    }

    /// Waits until the child is ready.
    func takeChild() throws(PluginError) {
        guard childPid == 0 else { return }
        let child = memory.child
        var patience = Patience()
        while dp_load(dp_ready(child)) == DP_READY_NO, patience.takeStep() {
            _ = dp_futex_wait(dp_ready(child), UInt32(DP_READY_NO), Clock.now() &+ Patience.step)
            if dp_load(dp_ready(child)) == DP_READY_NO, endOfZygote() != nil { break }
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
        guard holder != nil else { return }
        let refusal = -dp_trace(childPid)
        guard refusal == 0 else {
            if refusal != ESRCH { holding.refused(refusal) }
            throw PluginError(
                DN_ENGINE_DEAD, "a child process cannot be held: \(errorText(refusal))", errno: refusal, retryable: true
            )
        }
    }

    func setLimit(_ bytes: UInt64) throws(PluginError) { try memory.setLimit(bytes) }

    /// Lets nothing of an image stay in the memory, which is zero then.
    func unmap() throws(PluginError) { try memory.map(nil, nil) }

    // MARK: Running

    /// Tells the waiting child what it will run; the image must fit the limit.
    func load(_ image: Image) throws(PluginError) {
        let plan = plan(for: image)
        try memory.map(image, plan)
        image.copy(plan?.copied ?? image.contents.parts, to: memory)
        expected = image
        loaded = image
        let child = memory.child
        child.pointee.entry = image.entry
        // As at a process's start: 16-aligned, and zeros above, so that a return ends at address 0.
        child.pointee.stack = SlotMemory.stackHigh &- 64
        planChange()
    }

    /// What the child must do to have what the memory has now.
    func planChange() {
        let list = dp_change(memory.child)
        (list.pointee.count, list.pointee.message) = (0, 0)
        guard let loaded, !prepared.fits(loaded, memory.plan) else { return }
        for part in prepared.parts {
            let own = ImageContents.Part(
                address: part.address, offset: Int(memory.offset(part.address)), count: part.count)
            add(own, file: 0, sharing: DP_SHARED, to: list)
            advise(part.range.clamped(to: 0..<SlotMemory.smallEnd), MADV_NOHUGEPAGE, list)
        }
        for part in memory.parts { add(part, file: 1, to: list) }
        for range in prepared.layout { protect(range.begin, range.end, UInt32(PROT_READ | PROT_WRITE), list) }
        for range in loaded.layout { protect(range.begin, range.end, protection(range.rights), list) }
    }

    /// Sets the word that tells of the function's end to the value that it has until then.
    func expectation() -> UInt32 {
        let value = UInt32(bitPattern: childPid) | UInt32(DP_WAITERS)
        dp_store(dp_done(memory.child), value)
        return value
    }

    /// What the child must still do is more than it can do without files.
    var needsFiles: Bool {
        !memory.inputs.isEmpty
            || dp_change(memory.child).pointee.count > 0 && (!prepared.parts.isEmpty || !memory.parts.isEmpty)
    }

    /// Before a run, when the host has written all that it will: the child is one that can become what the run needs.
    func settleChild() throws(PluginError) {
        if memory.hostHasWritten(pages) {
            try memory.absorb()
            planChange()
        }
        try replaceUnfit()
    }

    /// What the function will write to files can only be found by a file that tells of its process's pages: without one it does
    /// not run, since its end would be taken for the process's.
    private func openPagemap() throws(PluginError) {
        guard pagemap == nil, !memory.parts.isEmpty || !memory.inputs.isEmpty else { return }
        let opened = Pagemap(of: childPid)
        guard opened.isUsable else {
            throw PluginError(
                DN_NO_MEMORY, "the pages of a sandbox cannot be listed: \(errorText(errno))", errno: errno,
                retryable: true)
        }
        pagemap = opened
    }

    /// Lets the child enter the function.
    func start(argument: dn_gaddr) throws(PluginError) {
        try openPagemap()
        let child = memory.child
        let list = dp_change(child)
        for (index, input) in memory.inputs.enumerated() { add(input.part, file: UInt16(2 + index), to: list) }
        if needsFiles {
            let files = [memory.file, memory.mapped?.contents.file ?? memory.file] + memory.inputs.map(\.range.file)
            let error = send(&list.pointee.message, files)
            guard error == 0 else {
                throw PluginError(
                    DN_NO_MEMORY, "a sandbox cannot be given an image: \(errorText(error))", errno: error,
                    retryable: true)
            }
        }
        started = true
        if isHeld {
            if !enter(argument: argument) { dp_kill(childPid) }
            return
        }
        child.pointee.argument = argument
        dp_store(dp_go(child), 1)
        dp_futex_wake(dp_go(child))
    }

    /// Brings what the function wrote to pages of a mapped image into the host's view, while its process is there. What the
    /// process does meanwhile, if it still runs, decides what is brought, and nothing else.
    /// - Returns: false when its process is gone.
    func fetch() -> Bool {
        guard !memory.parts.isEmpty || !memory.inputs.isEmpty, let loaded else { return true }
        guard childPid != 0, let pagemap else { return false }
        var changed = false
        guard memory.fetchInputs(from: childPid, pagemap: pagemap, pages, changed: &changed) else { return false }
        if changed { loaded.changesInputs.store(true, ordering: .relaxed) }
        guard !memory.parts.isEmpty else { return true }
        var seen = Habit()
        guard memory.fetch(from: childPid, pagemap: pagemap, pages, seen: &seen) else { return false }
        loaded.learn(seen)
        return true
    }

    /// Shows a part of a file in the place of the context's own memory.
    func show(_ range: dn_file_range) throws(PluginError) {
        guard pages.isUsable else {
            throw PluginError(DN_UNSUPPORTED, "what functions write to mapped files cannot be read here")
        }
        guard loaded?.changesInputs.load(ordering: .relaxed) != true else {
            throw PluginError(DN_UNSUPPORTED, "the function changes much of what it is given")
        }
        try memory.show(range, behind: loaded?.end ?? 0)
    }

    /// Makes an image of what the program left; what lies from `end` on in the context is left out.
    func snapshot(end: UInt64) throws(PluginError) -> Image {
        guard let loaded else { throw PluginError(DN_MISUSE, "no image is placed") }
        return try memory.snapshot(of: loaded, end: end)
    }

    /// Ends the child and waits until it can touch nothing any more.
    func killChild() {
        if asked { try? takeChild() }
        guard childPid != 0 else { return }
        dp_kill(childPid)
        _ = dp_reap(childPid, 1)
        lost()
        started = false
    }

    /// After a run. A child that is held where its function left can run another.
    func ended(held: Bool) { hasLeft = held }

    private func lost() {
        childPid = 0
        pagemap = nil
        isHeld = false
        hasLeft = false
    }

    /// Whether the child has died by itself; it is reaped then.
    func childDied() -> Bool {
        guard childPid != 0, dp_reap(childPid, 0) == 0 else { return childPid == 0 }
        lost()
        return true
    }

    /// After use: no child that ran a function and is not as new, and zero memory, but for a mapped image's pages, which are as in its file. A
    /// child that still waits stays, unless it waits with an image that was unloaded.
    func clean() throws(PluginError) {
        if isStale || childPid == 0 || (started && !(hasLeft && reset())) { killChild() }
        started = false
        hasLeft = false
        try memory.hideInputs()
        loaded = nil
        memory.restore(with: recycler)
        try memory.zero(keep: settings.residentBytes, sparingControlPages: hasChild && !isHeld)
    }

    /// Much more memory is in use than a clean sandbox keeps.
    var isLarge: Bool { memory.used > 2 * settings.residentBytes }

    // MARK: Lists of operations

    private func add(
        _ part: ImageContents.Part, file: UInt16, sharing: Int32 = 0, to list: UnsafeMutablePointer<dp_operations>
    ) {
        let how = UInt16(PROT_READ | PROT_WRITE | sharing)
        _ = dp_add(
            list,
            dp_operation(
                begin: part.address, size: UInt64(part.count), offset: UInt64(part.offset), call: UInt32(DP_MAP),
                how: how, file: file))
    }

    private func protect(
        _ begin: UInt64, _ end: UInt64, _ rights: UInt32, _ list: UnsafeMutablePointer<dp_operations>
    ) {
        _ = dp_add(
            list,
            dp_operation(
                begin: begin, size: end &- begin, offset: 0, call: UInt32(DP_PROTECT), how: UInt16(rights), file: 0))
    }

    private func advise(_ range: Range<UInt64>, _ advice: Int32, _ list: UnsafeMutablePointer<dp_operations>) {
        _ = dp_add(
            list,
            dp_operation(
                begin: range.lowerBound, size: range.upperBound &- range.lowerBound, offset: 0,
                call: UInt32(DP_ADVISE), how: UInt16(advice), file: 0))
    }

    private func protection(_ rights: Rights) -> UInt32 {
        UInt32(rights.contains(.execute) ? PROT_READ | PROT_EXEC : PROT_READ)
    }
}

/// How long a zygote or a child may take to get ready before the sandbox counts as broken. Counted by the waits that went by
/// and not by the clock: when the whole machine stood still for seconds, nobody had a chance.
private struct Patience {
    /// Nanoseconds.
    static let step: UInt64 = 20_000_000
    static let seconds: UInt64 = 20
    private var left = seconds &* 1_000_000_000 / step

    /// False when there is no more.
    mutating func takeStep() -> Bool {
        guard left > 0 else { return false }
        left &-= 1
        return true
    }
}
