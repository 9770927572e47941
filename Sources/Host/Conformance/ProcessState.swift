internal import CConformance
internal import CPlatform
internal import Glibc
internal import Platform

/// What belongs to the process and not to a plugin.
struct ProcessState {
    private let facts: [(name: String, value: String)]
    private let actions: [UInt]
    private let actionFlags: [UInt]
    /// Its values may be secrets, so they are never told.
    private let environment: Set<String>
    /// What each descriptor is; nil = it is closed.
    let descriptors: [Int32: String?]

    /// - Parameter descriptors: those to be looked at.
    static func now(descriptors: [Int32]) -> ProcessState {
        // umask(2) can only be read by setting it.
        let creation = umask(0)
        umask(creation)
        return ProcessState(
            facts: [
                ("umask", String(creation, radix: 8)), ("working directory", place(".")),
                ("root directory", place("/")),
                ("locale", setlocale(LC_ALL, nil).map { String(cString: $0) } ?? ""),
                ("process group", "\(getpgrp())"), ("session", "\(getsid(0))"),
                ("host name", text(of: "/proc/sys/kernel/hostname")),
                ("control group", text(of: "/proc/self/cgroup")),
                ("score for the killer of processes", text(of: "/proc/self/oom_score_adj")),
                ("number of timers of timer_create(2) that send signals", "\(signallingTimers())"),
            ] + rights() + namespaces() + limits() + kernel(ck_process_facts),
            actions: Resources.dispositions(), actionFlags: Resources.actionFlags(), environment: variables(),
            descriptors: Dictionary(descriptors.map { ($0, identity($0)) }, uniquingKeysWith: { first, _ in first }))
    }

    /// Of this process, in ascending order.
    static func openDescriptors() -> [Int32] {
        let names = (try? Folder.names("/proc/self/fd")) ?? []
        // The folder's own descriptor is closed again.
        return names.compactMap { Int32($0) }.filter { fcntl($0, F_GETFD) >= 0 }.sorted()
    }

    /// What is otherwise in `later`, with the old and the new; nil = nothing.
    func change(to later: ProcessState) -> String? {
        for (old, new) in zip(facts, later.facts) where old.value != new.value {
            return "the \(new.name): it was '\(old.value)' and is '\(new.value)'"
        }
        for (index, pair) in zip(actions, later.actions).enumerated() where pair.0 != pair.1 {
            return "the handler of signal \(index + 1); the host owns them all, ask dn.host.signal/1"
        }
        for (index, pair) in zip(actionFlags, later.actionFlags).enumerated() where pair.0 != pair.1 {
            return "the flags or the mask of the handler of signal \(index + 1)"
        }
        let variables = environment.symmetricDifference(later.environment).map { $0.prefix { $0 != "=" } }
        guard variables.isEmpty else {
            return "the environment's \(Set(variables).sorted().joined(separator: ", "))"
        }
        for (descriptor, old) in descriptors.sorted(by: { $0.key < $1.key }) {
            let new = later.descriptors[descriptor] ?? nil
            if new == nil, old != nil { return "descriptor \(descriptor), which was open before: it is closed" }
            if new != old {
                return "descriptor \(descriptor), which was open before: it is another file, or has other flags"
            }
        }
        return nil
    }

    private static func identity(_ descriptor: Int32) -> String? {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { return nil }
        return "\(facts.st_dev) \(facts.st_ino) \(fcntl(descriptor, F_GETFD)) \(fcntl(descriptor, F_GETFL))"
    }

    private static func place(_ path: String) -> String {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return "none" }
        let name = path == "." ? getcwd(nil, 0) : nil
        defer { free(name) }
        return "\(name.map { String(cString: $0) } ?? path) (inode \(facts.st_ino) of device \(facts.st_dev))"
    }

    private static func text(of path: String) -> String {
        String(decoding: (try? Folder.read(path)) ?? [], as: UTF8.self).split(separator: "\n").joined(separator: " ")
    }

    /// As /proc/self/timers lists them; those for a thread of their own (SIGEV_THREAD) are the plugin's affair.
    private static func signallingTimers() -> Int {
        let text = String(decoding: (try? Folder.read("/proc/self/timers")) ?? [], as: UTF8.self)
        return text.split(separator: "\n").count { $0.hasPrefix("notify: signal/pid.") }
    }

    fileprivate static func kernel(
        _ ask: (UnsafeMutablePointer<ck_fact>) -> Int32
    ) -> [(name: String, value: String)] {
        withUnsafeTemporaryAllocation(of: ck_fact.self, capacity: CK_FACTS) { facts in
            // SAFETY: ask writes at most CK_FACTS of them, whose names are literals.
            let count = facts.baseAddress.map { Int(ask($0)) } ?? 0
            return facts[..<count].map { (String(cString: $0.name), "\($0.value)") }
        }
    }

    /// Who the process is and what it may do, as proc_pid_status(5) tells.
    private static func rights() -> [(name: String, value: String)] {
        let wanted: Set<Substring> = [
            "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
            "Seccomp_filters",
        ]
        let text = String(decoding: (try? Folder.read("/proc/thread-self/status")) ?? [], as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, wanted.contains(parts[0]) else { return nil }
            return ("process's \(parts[0])", parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " "))
        }
    }

    private static func namespaces() -> [(name: String, value: String)] {
        ["cgroup", "ipc", "mnt", "net", "pid_for_children", "time_for_children", "user", "uts"].map { name in
            var target = [UInt8](repeating: 0, count: 64)
            let count = readlink("/proc/thread-self/ns/\(name)", &target, target.count)
            return ("namespace \(name)", String(decoding: target.prefix(max(0, count)), as: UTF8.self))
        }
    }

    private static func limits() -> [(name: String, value: String)] {
        // Numbers of getrlimit(2), 0 to RLIM_NLIMITS - 1.
        (0..<16 as Range<UInt32>).map { resource in
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(resource), &limit)
            return ("resource limit \(resource)", "\(limit.rlim_cur) of \(limit.rlim_max)")
        }
    }

    private static func variables() -> Set<String> {
        var variables: Set<String> = []
        var next = environ
        // SAFETY: environ ends with null (environ(7)), and checks run one at a time.
        while let variable = next.pointee {
            variables.insert(String(cString: variable))
            next += 1
        }
        return variables
    }
}

/// What belongs to a thread of the host and not to the plugin that it calls.
struct ThreadState {
    private let blocked: Set<Int32>
    private let facts: [(name: String, value: String)]

    /// Of the calling thread.
    static func now() -> ThreadState {
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        // The host's own signal service unblocks what it needs.
        let own = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, cp_kick_signal()]
        let blocked = (1...64 as ClosedRange<Int32>).filter { sigismember(&mask, $0) == 1 && !own.contains($0) }
        return ThreadState(
            blocked: Set(blocked),
            facts: [
                ("set of CPUs that the thread may use", "\(Thread.allowedCores())"),
                ("rounding mode or traps of floating point", String(ck_float_control(), radix: 16)),
                ("locale of the thread", "\(UInt(bitPattern: uselocale(nil)))"),
                ("nice value", "\(getpriority(__priority_which_t(0), 0))"), ("scheduler", "\(sched_getscheduler(0))"),
                ("name of the thread", Resources.name(of: cp_gettid()) ?? ""),
            ] + ProcessState.kernel(ck_thread_facts))
    }

    /// What is otherwise in `later`; nil = nothing.
    func change(to later: ThreadState) -> String? {
        let changed = blocked.symmetricDifference(later.blocked).sorted()
        if !changed.isEmpty {
            let what = later.blocked.isSuperset(of: changed) ? "are blocked now" : "are blocked no more"
            return "the signal mask: \(changed) \(what)"
        }
        for (old, new) in zip(facts, later.facts) where old.value != new.value {
            return "the \(new.name): it was '\(old.value)' and is '\(new.value)'"
        }
        return nil
    }
}
