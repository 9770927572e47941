internal import Glibc

/// How much memory this process can get.
public enum MachineMemory {
    /// Bytes: the machine's memory, or the least limit of the control groups that the process is in.
    public static var available: UInt64 {
        let machine = UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
        return min(machine, limits(of: WholeFile.text(of: "/proc/self/cgroup") ?? "").min() ?? .max)
    }

    /// Limits of the groups that /proc/self/cgroup names (cgroups(7)), and of those around them.
    private static func limits(of membership: String) -> [UInt64] {
        var limits: [UInt64] = []
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("memory") else { continue }
            let (root, file) =
                isUnified ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            var group = String(parts[2])
            while true {
                // "max" is no number, and a group outside the container's view has no file: neither limits.
                if let limit = UInt64((WholeFile.text(of: "\(root)\(group)/\(file)") ?? "").prefix { $0.isNumber }) {
                    limits.append(limit)
                }
                guard let slash = group.lastIndex(of: "/") else { break }
                group = String(group[..<slash])
            }
        }
        return limits
    }
}
