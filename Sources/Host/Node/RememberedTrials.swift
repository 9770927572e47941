internal import Failure
internal import Glibc
internal import Items
internal import Platform
internal import PluginHost
internal import Registry
internal import Telemetry

/// Which plugins passed their trial, so that a restarted node need not repeat it.
///
/// Each is a file whose name seals all that the verdict depends on (`subject`): nobody can name one without the key, and
/// whatever changes has another name.
final class RememberedTrials: Sendable {
    private let folder: StoreFolder
    private let seal: StateSeal
    private static let content = Blob(Array("passed".utf8))
    /// More than a node has plugins; old ones are of no use.
    private static let most = 256

    init(in root: StoreFolder) throws(Failure) {
        folder = try StoreFolder("trials", in: root)
        seal = try StateSeal(in: folder)
    }

    func holds(_ subject: String) -> Bool {
        (try? folder.read(seal.seal(of: subject), limit: 64)).map { $0.text == Self.content.text } ?? false
    }

    func keep(_ subject: String) {
        do throws(Failure) {
            let names = try folder.names()
            if names.count > Self.most { for name in names where name.utf8.count == 64 { folder.discard(name) } }
            try Self.content.withUnsafeBytes { (bytes) throws(Failure) in
                try folder.put(seal.seal(of: subject), bytes)
            }
        } catch {
            Log.warning("a plugin's trial is not remembered: \(error.detail)")
        }
    }

    /// What a plugin's verdict depends on, as far as it can be seen without running it: the file, its settings and the
    /// libraries beside it; the kit, which is this program; the system and what this process may do on it.
    static func subject(_ copy: PluginCopy, original: String, settings: String) -> String {
        let siblings = SiblingLibraries.paths(of: copy.path, at: original)
        var system = utsname()
        uname(&system)
        let kernel = withUnsafeBytes(of: &system) { String(decoding: $0, as: UTF8.self) }
        return [
            "plugin \(copy.digest)", "original \(original)", "settings \(settings)",
            "libraries \(siblings.map { "\($0) \(identity($0))" })",
            "linker \(identity("/etc/ld.so.cache")) \(variable("LD_LIBRARY_PATH")) \(variable("LD_PRELOAD"))",
            "kit \(identity("/proc/self/exe"))", "kernel \(kernel)",
            "boot \(text("/proc/sys/kernel/random/boot_id"))", "rights \(rights)",
            "limits \(text("/proc/self/limits"))",
        ].joined(separator: "\0")
    }

    /// Another one when the file is changed or replaced (inode(7)).
    private static func identity(_ path: String) -> String {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return "none" }
        let (written, changed) = (facts.st_mtim, facts.st_ctim)
        return "\(facts.st_dev) \(facts.st_ino) \(facts.st_size) \(written.tv_sec).\(written.tv_nsec) "
            + "\(changed.tv_sec).\(changed.tv_nsec)"
    }

    private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

    private static func text(_ path: String) -> String {
        String(decoding: (try? PluginFile.read(path)) ?? [], as: UTF8.self)
    }

    /// Who the process is and what it may do (proc_pid_status(5)).
    private static var rights: String {
        let wanted = ["Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp", "Cpus_allowed_list"]
        return text("/proc/self/status").split(separator: "\n")
            .filter { line in wanted.contains { line.hasPrefix($0) } }.joined(separator: "\n")
    }
}
