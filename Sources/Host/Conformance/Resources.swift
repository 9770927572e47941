internal import Glibc

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

    /// The first number of /proc/self/statm (proc_pid_statm(5)), which counts pages.
    private static func addressSpace() -> Int {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        var text = [UInt8](repeating: 0, count: 128)
        // SAFETY: text has text.count writable bytes.
        guard descriptor >= 0, read(descriptor, &text, text.count) > 0 else { return 0 }
        return (Int(String(decoding: text.prefix { $0 != 32 }, as: UTF8.self)) ?? 0) * Int(getpagesize())
    }

    /// - Parameter mapped: bytes that the address space may grow by; nil = not judged, for what makes threads or
    ///   allocator arenas at its first use.
    /// - Throws: `Violation` naming what grew from `before` to now.
    static func requireNoMore(than before: Resources, after what: String, mapped: Int? = nil) throws {
        let after = now()
        let more = after.descriptors - before.descriptors
        try require(more <= 0, "\(more) file descriptors are left open after \(what)")
        let threads = after.threads - before.threads
        try require(threads <= 0, "\(threads) threads are left after \(what)")
        if let mapped, after.mapped - before.mapped > mapped {
            throw Violation(what: "\(after.mapped - before.mapped) bytes more are mapped after \(what)")
        }
        for (index, pair) in zip(before.actions, after.actions).enumerated() where pair.0 != pair.1 {
            throw Violation(what: "the handler of signal \(index + 1) was changed by \(what)")
        }
    }
}
