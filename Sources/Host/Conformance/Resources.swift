internal import Glibc
internal import Platform

/// What a process holds, by counting: a plugin that leaks changes it.
struct Resources {
    let descriptors: Int
    let threads: Int
    let actions: [UInt]
    /// Bytes of address space.
    let mapped: Int

    static func now() -> Resources {
        Resources(
            descriptors: entries("/proc/self/fd"), threads: entries("/proc/self/task"), actions: dispositions(),
            mapped: addressSpace())
    }

    private static func entries(_ folder: String) -> Int {
        guard let stream = opendir(folder) else { return 0 }
        defer { closedir(stream) }
        var count = 0
        while readdir(stream) != nil { count += 1 }
        return count
    }

    /// The handler's address of every signal.
    static func dispositions() -> [UInt] {
        (1...64).map { signal in
            var action = sigaction()
            guard sigaction(Int32(signal), nil, &action) == 0 else { return 0 }
            // SAFETY: both members of the handler union are one pointer wide.
            return withUnsafeBytes(of: action.__sigaction_handler) { $0.loadUnaligned(as: UInt.self) }
        }
    }

    /// Flags and mask of every signal's action, as one number each.
    static func actionFlags() -> [UInt] {
        (1...64).map { signal in
            var action = sigaction()
            guard sigaction(Int32(signal), nil, &action) == 0 else { return 0 }
            let blocked = (1...64 as ClosedRange<Int32>).filter { sigismember(&action.sa_mask, $0) == 1 }
            return blocked.reduce(UInt(UInt32(bitPattern: action.sa_flags))) { $0 &* 31 &+ UInt($1) }
        }
    }

    /// The first number of /proc/self/statm (proc_pid_statm(5)), which counts pages.
    private static func addressSpace() -> Int {
        let text = WholeFile.text(of: "/proc/self/statm") ?? ""
        return (Int(text.prefix { $0 != " " }) ?? 0) * Int(getpagesize())
    }

    /// - Parameter mapped: bytes that the address space may grow by; nil = not judged, for what makes threads or
    ///   allocator arenas at its first use.
    /// - Throws: `Violation` naming what grew from `before` and stays so.
    static func requireNoMore(than before: Resources, after what: String, mapped: Int? = nil) throws {
        // Threads that end and helpers that clean up take a while, the longer the busier the machine is.
        let end = Clock.now() &+ 2_000_000_000
        while let left = now().excess(over: before, mapped) {
            guard Clock.now() < end else { throw Violation(what: "\(left) after \(what)") }
            Sleep.milliseconds(10)
        }
        for (index, pair) in zip(before.actions, dispositions()).enumerated() where pair.0 != pair.1 {
            throw Violation(what: "the handler of signal \(index + 1) was changed by \(what)")
        }
    }

    private func excess(over before: Resources, _ allowed: Int?) -> String? {
        if descriptors > before.descriptors {
            return "\(descriptors - before.descriptors) file descriptors are left open"
        }
        if threads > before.threads { return "\(threads - before.threads) threads are left" }
        if let allowed, mapped - before.mapped > allowed { return "\(mapped - before.mapped) bytes more are mapped" }
        return nil
    }

    // MARK: Threads

    /// What a node takes by a descriptor: blocked in every thread.
    static let nodeSignals = [SIGTERM, SIGINT, SIGQUIT, SIGHUP]

    /// Of this process.
    static func threads() -> Set<pid_t> {
        Set(((try? Folder.names("/proc/self/task")) ?? []).compactMap { pid_t($0) })
    }

    /// The name of a thread; nil when it has ended.
    static func name(of thread: pid_t) -> String? {
        guard let text = try? Folder.read("/proc/self/task/\(thread)/comm") else { return nil }
        return String(decoding: text.prefix { $0 != 10 }, as: UTF8.self)
    }

    /// Which of the node's signals a thread takes; empty when it has ended.
    static func taken(by thread: pid_t) -> [Int32] {
        let text = String(decoding: (try? Folder.read("/proc/self/task/\(thread)/status")) ?? [], as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("SigBlk:") }),
            let mask = UInt64(line.dropFirst(7).filter { !$0.isWhitespace }, radix: 16)
        else { return [] }
        return nodeSignals.filter { mask & 1 << UInt64($0 - 1) == 0 }
    }
}
