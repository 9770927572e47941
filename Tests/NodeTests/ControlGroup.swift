import Foundation

/// A control group with a limit of memory, of either version; it goes with the object.
final class ControlGroup {
    private let folder: String
    private let isUnified: Bool

    /// Nil, and says why, where none can be made: not root, or memory is not delegated.
    init?(bytes: Int) {
        let name = "dandelion-test-\(UUID().uuidString.prefix(8))"
        let first = "/sys/fs/cgroup/memory"
        isUnified = !FileManager.default.fileExists(atPath: first)
        folder = "\(isUnified ? "/sys/fs/cgroup" : first)/\(name)"
        let limit = isUnified ? "memory.max" : "memory.limit_in_bytes"
        guard mkdir(folder, 0o755) == 0, Self.write("\(bytes)", to: "\(folder)/\(limit)") else {
            print("skipped: no control group for memory: \(folder): \(String(cString: strerror(errno)))")
            rmdir(folder)
            return nil
        }
    }

    deinit {
        // Its processes have ended, or are about to.
        for _ in 0..<100 where rmdir(folder) != 0 { usleep(20_000) }
    }

    /// Runs the command that follows in the group.
    var wrapper: [String] {
        ["sh", "-c", "echo $$ > \(folder)/\(isUnified ? "cgroup.procs" : "tasks") && exec \"$@\"", "sh"]
    }

    /// Whether the kernel has killed something in the group for its memory.
    var hasKilled: Bool {
        let file = "\(folder)/\(isUnified ? "memory.events" : "memory.oom_control")"
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").contains { $0.hasPrefix("oom_kill ") && $0 != "oom_kill 0" }
    }

    private static func write(_ text: String, to file: String) -> Bool {
        let descriptor = open(file, O_WRONLY)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return text.utf8.withContiguousStorageIfAvailable { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            == text.utf8.count
    }
}
