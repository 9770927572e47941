internal import CConformance
internal import CPlatform
internal import Glibc
internal import Items
internal import Platform
internal import PluginABI
internal import PluginHost

/// What a plugin shares with the host and with its own other generation.
let stateChecks: [Check] = [
    Check(
        "process-kept", .start,
        "No call changes a signal handler or mask, a timer, a descriptor of others, directory, umask, locale, "
            + "environment, affinity, priority, rounding mode, name, namespace, right or resource limit."
    ) { subject in
        // The host's own, before anything is compared.
        _ = cp_signals_install()
        let others = OtherDescriptors()
        defer { others.close() }
        subject.watch.aim(at: .state)
        try liveOnce(subject)
    },
    Check(
        "threads-ended", .start,
        "Threads are made by start and later calls only, leave the node's signals blocked, and end with stop."
    ) { subject in
        // The host's helpers are there before anything is counted.
        guard HelperThreads.shared.submit({}) else { throw NotApplicable(why: "no thread can be made") }
        let before = Resources.threads()
        func own() -> Set<pid_t> { Resources.threads().subtracting(before).subtracting(subject.contract.hostThreads) }
        _ = try subject.load()
        try require(own().isEmpty, "its load left \(own().count) threads: \(names(own())); the entry makes none")
        guard try subject.probe().isUsable else { return }
        try require(own().isEmpty, "its probe left \(own().count) threads: \(names(own()))")
        try liveOnce(subject) {
            for thread in own() {
                let taken = Resources.taken(by: thread)
                try require(
                    taken.isEmpty,
                    "its thread \(names([thread])) has the node's signals \(taken) unblocked; keep the mask of the caller"
                )
            }
        }
        let end = Clock.now() &+ 2_000_000_000
        while !own().isEmpty {
            try require(Clock.now() < end, "\(own().count) threads go on after stop: \(names(own()))")
            Sleep.milliseconds(5)
        }
    },
    Check("children-ended", .start, "Processes that it makes have ended and are reaped when stop has returned.") {
        subject in
        func settled(_ living: Bool, _ what: String) throws {
            let end = Clock.now() &+ 2_000_000_000
            while ck_has_children(living) {
                try require(Clock.now() < end, what)
                Sleep.milliseconds(5)
            }
        }
        _ = try subject.load()
        try settled(false, "its load left a child process")
        try liveOnce(subject)
        try settled(false, "a child process is left after stop, living or not reaped")
        // From here on those whose parents have ended are found too.
        ck_adopt()
        try liveOnce(subject)
        try settled(true, "a process that it had another one make goes on after stop")
    },
    Check("exit-quiet", .start, "What it leaves to the end of the process, such as exit handlers, runs to its end.") {
        subject in
        try liveOnce(subject)
        let limit: Int32 = 3000
        let status = ck_try_exit(limit)
        try require(status >= 0, "exit(3) did not end the process within \(limit) ms")
        try require(status & 0x7f == 0, "exit(3) ended in signal \(status & 0x7f): \(signalName(status & 0x7f))")
        try require(status >> 8 == 0, "exit(0) ended with status \(status >> 8)")
    },
    Check("two-generations", .start, "A copy of the file loads and works beside the first, and outlives its instance.")
    {
        subject in
        let library = try subject.load()
        guard library.descriptor.isReloadable else {
            throw NotApplicable(why: "it offers no second generation (no DN_PLUGIN_RELOADABLE)")
        }
        let copy = try CopiedFile(of: subject.path)
        defer { copy.remove() }
        let second = Subject(
            path: copy.path, original: subject.original ?? subject.path, configuration: subject.configuration,
            seed: subject.seed, guests: subject.guests, requests: [], isTrial: subject.isTrial)
        var first: PluginInstance? = try subject.start()
        let later = try second.start()
        func use(_ generation: Subject, _ instance: PluginInstance) throws {
            if subject.offers(DN_COMM_1, instance) {
                let rig = try CommRig(generation, instance)
                try rig.complete(try rig.submit(1, [65], deadline: 2_000_000_000) ? [1] : [])
            }
            if subject.offers(DN_COMPUTE_1, instance) { _ = try ComputeRig(generation, instance) }
            if subject.offers(DN_FLEET_1, instance) { try FleetRig(generation, instance).useOnce() }
        }
        if let first { try use(subject, first) }
        try use(second, later)
        first = nil
        try use(second, later)
    },
]

/// One whole life, through every kind of call.
/// - Parameter during: called while an instance works.
private func liveOnce(_ subject: Subject, during: () throws -> Void = {}) throws {
    guard try subject.probe().isUsable else { return }
    var instance: PluginInstance? = try subject.start()
    if let instance, subject.offers(DN_COMM_1, instance) { try exchange(subject, instance, during) }
    if let instance, subject.offers(DN_COMPUTE_1, instance) { try run(subject, instance, during) }
    if let instance, subject.offers(DN_FLEET_1, instance) { try FleetRig(subject, instance).useOnce() }
    try during()
    instance = nil
    try subject.watch.requireNone()
}

private func exchange(_ subject: Subject, _ instance: PluginInstance, _ during: () throws -> Void) throws {
    let rig = try CommRig(subject, instance)
    var accepted: Set<UInt64> = []
    for (index, sample) in rig.samples(24).enumerated() {
        let token = UInt64(index + 1)
        _ = rig.watch.call("validate") { rig.backend.validate(rig.request(token, sample, deadline: 1_000_000_000)) }
        if try rig.submit(token, sample, deadline: 1_000_000_000) { accepted.insert(token) }
        if index % 4 == 3 { rig.cancel(token) }
    }
    rig.wake()
    try during()
    // How they end is for other checks.
    for _ in 0..<50 where rig.reactor.inFlight > 0 {
        try rig.poll { _ in }
        Sleep.milliseconds(2)
    }
}

private func run(_ subject: Subject, _ instance: PluginInstance, _ during: () throws -> Void) throws {
    do {
        let rig = try ComputeRig(subject, instance)
        _ = rig.load(Array("no image".utf8))
        let image = try rig.image(.exits)
        for _ in 0..<4 { _ = try rig.runOnce(image) }
        rig.interrupt(rig.nextRun)
        _ = try rig.runOnce(image)
        _ = try? rig.runOnce(try rig.image(.faults))
        _ = try? rig.runOnce(try rig.image(.loops), deadline: 10_000_000)
        try during()
    } catch is NotApplicable {}
}

private func signalName(_ signal: Int32) -> String { String(cString: strsignal(signal)) }

private func names(_ threads: Set<pid_t>) -> String {
    threads.sorted().map { "'\(Resources.name(of: $0) ?? "ended")'" }.joined(separator: ", ")
}

/// Descriptors that a node would have open: one that a plugin closes without owning it takes a connection or a listener.
private struct OtherDescriptors {
    private let descriptors: [Int32]

    init() { descriptors = (0..<40).map { _ in eventfd(0, Int32(EFD_CLOEXEC)) } }

    func close() { for descriptor in descriptors { Glibc.close(descriptor) } }
}

/// The file under another path, as a reload gives it.
private struct CopiedFile {
    let path: String
    private let folder: String

    init(of original: String) throws {
        let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(temporary)/dandelion-generation-XXXXXX".utf8CString)
        // SAFETY: the template is NUL-terminated and ours to change (mkdtemp(3)).
        guard mkdtemp(&template) != nil else {
            throw NotApplicable(why: "\(temporary): no folder for a copy: \(String(cString: strerror(errno)))")
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = "\(folder)/second.so"
        let bytes = try Folder.read(original)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o755)
        var done = 0
        while descriptor >= 0, done < bytes.count {
            // SAFETY: the range left lies inside bytes.
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            guard count > 0 else { break }
            done += count
        }
        close(descriptor)
        guard done == bytes.count else { throw NotApplicable(why: "\(path): \(String(cString: strerror(errno)))") }
    }

    func remove() {
        unlink(path)
        rmdir(folder)
    }
}
