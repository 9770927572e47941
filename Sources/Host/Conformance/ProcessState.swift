internal import Glibc
internal import Platform

/// What belongs to the process and not to a plugin.
struct ProcessState {
    let blocked: Set<Int32>
    let facts: [(name: String, value: String)]
    /// Its values may be secrets, so they are never told.
    private let environment: Set<String>

    static func now() -> ProcessState {
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        let blocked = Set((1...64 as ClosedRange<Int32>).filter { sigismember(&mask, $0) == 1 })
        // umask(2) can only be read by setting it.
        let creation = umask(0)
        umask(creation)
        let folder = getcwd(nil, 0)
        defer { free(folder) }
        return ProcessState(
            blocked: blocked,
            facts: [
                ("umask", String(creation, radix: 8)),
                ("working directory", folder.map { String(cString: $0) } ?? ""),
                ("locale", setlocale(LC_ALL, nil).map { String(cString: $0) } ?? ""),
                ("set of ignored signals", "\(ignored())"),
                ("set of CPUs that the thread may use", "\(Thread.allowedCores())"),
            ] + limits(),
            environment: environment())
    }

    private static func environment() -> Set<String> {
        var variables: Set<String> = []
        var next = environ
        // SAFETY: environ ends with null (environ(7)), and checks run one at a time.
        while let variable = next.pointee {
            variables.insert(String(cString: variable))
            next += 1
        }
        return variables
    }

    private static func limits() -> [(name: String, value: String)] {
        // Numbers of getrlimit(2), 0 to RLIM_NLIMITS - 1.
        (0..<16 as Range<UInt32>).map { resource in
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(resource), &limit)
            return ("resource limit \(resource)", "\(limit.rlim_cur) of \(limit.rlim_max)")
        }
    }

    private static func ignored() -> [Int] {
        zip(1..., Resources.dispositions()).filter { $0.1 == 1 }.map(\.0)
    }

    /// A signal whose handler lies in the file; nil = none.
    static func handled(by path: String) throws -> Int? {
        // proc_pid_maps(5): "begin-end rights offset device inode path".
        let maps = String(decoding: try Folder.read("/proc/self/maps"), as: UTF8.self)
        let ranges = maps.split(separator: "\n").filter { $0.hasSuffix(" \(path)") }.compactMap {
            line -> Range<UInt>? in
            let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            return ends.count == 2 ? ends[0]..<ends[1] : nil
        }
        return zip(1..., Resources.dispositions()).first { handler in ranges.contains { $0.contains(handler.1) } }?.0
    }

    func requireEqual(_ before: ProcessState) throws {
        // The host's own signal service unblocks what it needs.
        try require(blocked.isSubset(of: before.blocked), "signals \(blocked.subtracting(before.blocked)) are blocked")
        for (old, new) in zip(before.facts, facts) {
            try require(old.value == new.value, "the \(new.name) was '\(old.value)' and is '\(new.value)'")
        }
        let changed = environment.symmetricDifference(before.environment).map { $0.prefix { $0 != "=" } }
        try require(changed.isEmpty, "the environment's \(Set(changed).sorted().joined(separator: ", ")) was changed")
    }
}
