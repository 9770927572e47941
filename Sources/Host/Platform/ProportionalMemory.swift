internal import CPlatform
internal import Glibc

/// Memory of this process and its children, pages that several share divided among them: what a control group would count,
/// but for the page cache.
public enum ProportionalMemory {
    /// Bytes; nil when the kernel does not tell. Walks page tables: milliseconds, so not on an event loop.
    public static var bytes: Int? {
        guard let own = bytes(of: "self") else { return nil }
        return own + descendants(of: "self", getpid())
    }

    /// Of processes that `process` started. Between vfork(2), or what is like it, and its exec a child runs in the memory of
    /// its parent, which would be counted twice.
    private static func descendants(of process: String, _ id: pid_t) -> Int {
        children(of: process).reduce(0) { sum, child in
            guard let childID = pid_t(child) else { return sum }
            let own = cp_share_memory(id, childID) == 1 ? 0 : bytes(of: child) ?? 0
            return sum + own + descendants(of: child, childID)
        }
    }

    private static func bytes(of process: String) -> Int? {
        guard let text = WholeFile.text(of: "/proc/\(process)/smaps_rollup"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Pss:") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return kibibytes << 10
    }

    private static func children(of process: String) -> [String] {
        guard let folder = opendir("/proc/\(process)/task") else { return [] }
        defer { closedir(folder) }
        var children: [String] = []
        while let entry = readdir(folder) {
            // SAFETY: d_name is NUL-terminated inside the entry, which lives until the next readdir.
            let thread = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            guard thread.first?.isNumber ?? false else { continue }
            let text = WholeFile.text(of: "/proc/\(process)/task/\(thread)/children") ?? ""
            children += text.split(separator: " ").map(String.init)
        }
        return children
    }
}
