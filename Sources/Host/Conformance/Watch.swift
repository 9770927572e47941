internal import CConformance
internal import CPlatform
internal import Glibc
internal import Platform
internal import Synchronization

/// Stands beside each call of a plugin: the sheet knows which one is under way, and a check may have each judged by what it
/// left changed or by how long it took.
final class Watch: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `aim` and `before` change on the control thread while no call is under way.
    enum Aim { case nothing, state, pace }

    private struct Seen {
        /// As they were when they first called the plugin.
        var threads: [pid_t: ThreadState] = [:]
        /// Slow calls by name.
        var slow: [String: Int] = [:]
        var breach: String?
    }

    private var aim = Aim.nothing
    private var before: ProcessState?
    private let seen = Mutex(Seen())

    /// From now on each call is judged by it, beginning with the state that there is now.
    func aim(at aim: Aim) { self.aim(at: aim, ProcessState.openDescriptors()) }

    private func aim(at aim: Aim, _ descriptors: [Int32]) {
        before = aim == .state ? .now(descriptors: descriptors) : nil
        seen.withLock { $0.threads = [:] }
        self.aim = aim
    }

    /// What the kit itself changes is no breach.
    func withoutAim(_ body: () -> Void) {
        let (aim, descriptors) = (aim, before?.descriptors.keys.sorted() ?? [])
        body()
        self.aim(at: aim, descriptors)
    }

    /// - Throws: `Violation` with the first breach.
    func requireNone() throws {
        if let breach = seen.withLock({ $0.breach }) { throw Violation(what: breach) }
    }

    /// Calls the plugin; `name` is the slot's.
    func call<R, E: Error>(_ name: StaticString, _ body: () throws(E) -> R) throws(E) -> R {
        let call = begin(name)
        defer { end(call) }
        return try body()
    }

    /// A call that is under way.
    struct Call: @unchecked Sendable {
        // SAFETY of @unchecked Sendable: `outer` is a text that lives as long as the process.
        fileprivate let name: String
        fileprivate let outer: UnsafePointer<CChar>?
        fileprivate let thread: ThreadState?
        fileprivate let pace: Pace?
    }

    /// The calling thread is about to call the plugin.
    func begin(_ name: StaticString) -> Call {
        // SAFETY: the text of a StaticString is NUL-terminated and lives as long as the process.
        let outer = ck_enter(UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
        return Call(
            name: "\(name)", outer: outer, thread: aim == .state ? threadBefore() : nil,
            pace: aim == .pace ? Pace.now() : nil)
    }

    /// It has called it.
    func end(_ call: Call) {
        if let pace = call.pace { judge(call.name, Pace.now() - pace) }
        if let thread = call.thread { judge(call.name, thread) }
        ck_leave(call.outer)
    }

    private func note(_ breach: String) {
        seen.withLock { if $0.breach == nil { $0.breach = breach } }
    }

    /// As the thread was when it first called the plugin.
    private func threadBefore() -> ThreadState {
        let thread = cp_gettid()
        return seen.withLock { seen in
            let state = seen.threads[thread] ?? ThreadState.now()
            seen.threads[thread] = state
            return state
        }
    }

    private func judge(_ name: String, _ thread: ThreadState) {
        if let before, let what = before.change(to: .now(descriptors: before.descriptors.keys.sorted())) {
            note("\(name) changed \(what)")
        }
        if let what = thread.change(to: .now()) { note("\(name) changed \(what)") }
    }

    /// Calls that the ABI forbids to wait.
    private static let quick: Set<String> = ["submit", "cancel", "wake", "poll", "validate", "interrupt"]

    /// One long wait, or several: a machine that is busy, or loads code for the first time, has a call wait now and then.
    private func judge(_ name: String, _ took: Pace) {
        guard Self.quick.contains(name) else { return }
        let isSlow = took.sleeps > 0 && took.waited > 200_000_000 || took.worked > 300_000_000
        guard isSlow else { return }
        let times = seen.withLock { seen in
            seen.slow[name, default: 0] += 1
            return seen.slow[name] ?? 1
        }
        guard times > 2 || took.waited > 1_000_000_000 || took.worked > 1_000_000_000 else { return }
        note(
            "\(name) kept its thread for \((took.waited &+ took.worked) / 1_000_000) ms, "
                + "\(took.waited / 1_000_000) of them waiting; it must not wait")
    }
}

/// How a thread spent its time, ns.
struct Pace {
    var worked: UInt64
    /// Asleep: neither at work nor waiting for a CPU that others have.
    var waited: UInt64
    /// How often it went to sleep by itself: a CPU that the hypervisor gave to others looks like waiting otherwise.
    var sleeps: Int

    static func now() -> Pace {
        let sleeps = Int(ck_sleeps())
        let wall = Clock.now()
        // proc_pid_schedstat: "ns on a CPU, ns waiting for one, time slices".
        let text = (try? Folder.read("/proc/thread-self/schedstat")) ?? []
        let numbers = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap {
            UInt64($0)
        }
        guard numbers.count == 3 else { return Pace(worked: 0, waited: wall, sleeps: sleeps) }
        return Pace(worked: numbers[0], waited: wall &- numbers[0] &- numbers[1], sleeps: sleeps)
    }

    static func - (after: Pace, before: Pace) -> Pace {
        // The three clocks are not read at once, so that a difference may be a little below zero.
        Pace(
            worked: after.worked &- before.worked,
            waited: UInt64(max(0, Int64(bitPattern: after.waited &- before.waited))),
            sleeps: after.sleeps - before.sleeps)
    }
}
