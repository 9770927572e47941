import Foundation
import PluginHarness
import Testing

/// The node as an ordinary user: started by one, and started by root that is told to become one. Needs root, to start either.
@Suite(.serialized, .enabled(if: getuid() == 0, "only root starts a node as another user"))
struct RightsTests {
    /// "nobody", which every machine has.
    private static let user: uid_t = 65534

    /// Who starts it, and what the config says.
    enum Start: CaseIterable { case byUser, byRoot }

    /// The node's program and plugins, and folders of nodes, where everybody may reach them: a build may lie in root's home,
    /// and TMPDIR be closed.
    private static let programs: String = {
        let folder = "/tmp/dandelion-rights-\(getpid())"
        atexit { try? FileManager.default.removeItem(atPath: RightsTests.programs) }
        let built = URL(fileURLWithPath: RunningNode.executable).deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
            for name in ["dandelion", "libDandelionProcess.so", "libDandelionKVM.so", "libDandelionRWasm.so"] {
                try FileManager.default.copyItem(atPath: built.appending(path: name).path, toPath: "\(folder)/\(name)")
            }
        } catch { Issue.record("the programs cannot be copied: \(error)") }
        return folder
    }()

    /// A node of one class that runs as `user`. `groups` are those of its starter.
    private func node(
        _ start: Start, class runClass: String, plugin: String = "", node: String = "", groups: String? = nil,
        before: String = "", folderOfRoot: Bool = false
    ) throws -> RunningNode {
        let folder = "\(Self.programs)/node-\(UUID())"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let file = ["process": "Process", "kvm": "KVM", "rwasm": "RWasm"][runClass] ?? ""
        let config = """
            [node]
            plugin_directory = "\(Self.programs)"
            \(start == .byRoot ? "user = \"\(Self.user)\"" : "")
            \(node)
            [plugins.\(runClass)]
            path = "libDandelion\(file).so"
            \(plugin)
            [classes.\(runClass)]
            backends = ["\(runClass)"]
            """
        var wrapper: [String] = []
        if start == .byUser || folderOfRoot {
            try FileManager.default.createDirectory(atPath: folder + "/state", withIntermediateDirectories: true)
            chmod(folder + "/state", 0o700)
        }
        if start == .byUser {
            chown(folder + "/state", Self.user, Self.user)
            wrapper = ["setpriv", "--reuid=\(Self.user)", "--regid=\(Self.user)"]
            wrapper += [groups.map { "--groups=\($0)" } ?? "--clear-groups"]
        }
        if !before.isEmpty { wrapper = ["unshare", "-m", "sh", "-c", before + "; exec \"$0\" \"$@\""] + wrapper }
        return try RunningNode(
            config: config, state: folder, wrapper: wrapper, executable: Self.programs + "/dandelion")
    }

    /// What the kernel says of the node: lines of /proc/PID/status.
    private func status(_ node: RunningNode) -> [String: String] {
        let text = (try? String(contentsOfFile: "/proc/\(node.id)/status", encoding: .utf8)) ?? ""
        return Dictionary(
            text.split(separator: "\n").map { line in
                let parts = line.split(separator: ":", maxSplits: 1)
                return (String(parts[0]), parts.dropFirst().first?.trimmingCharacters(in: .whitespaces) ?? "")
            }, uniquingKeysWith: { first, _ in first })
    }

    private func expectNothingLeft(_ node: RunningNode) throws {
        let status = status(node)
        let user = "\(Self.user)"
        #expect(status["Uid"]?.split(separator: "\t").map(String.init) == [user, user, user, user])
        #expect(status["Gid"]?.split(separator: "\t").map(String.init) == [user, user, user, user])
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] { #expect(status[set] == "0000000000000000", "\(set)") }
        #expect(status["NoNewPrivs"] == "1")
        let limits = try String(contentsOfFile: "/proc/\(node.id)/limits", encoding: .utf8)
        let core = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") } ?? ""
        #expect(core.split(separator: " ").dropFirst(4).prefix(2) == ["1", "1"])
        // Nobody reads in a command line what a plugin is told.
        for process in [node.id] + node.descendants {
            let line = (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)) ?? ""
            #expect(!line.contains("s3cr3t"))
        }
    }

    private func expectService(_ node: RunningNode, class runClass: String) throws {
        let image = try GuestCompiler.image("hello")
        let path = "/v1/functions/hello?class=\(runClass)&inputs=in&outputs=out&memory=1MiB"
        let registered = node.request("PUT", path, image)
        #expect(registered.status == 201, "\(registered.text) \(node.log)")
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
    }

    @Test(arguments: Start.allCases) func processes(_ start: Start) throws {
        let node = try node(start, class: "process")
        try expectService(node, class: "process")
        try expectNothingLeft(node)
        if start == .byRoot {
            #expect(status(node)["CapBnd"] == "0000000000000000")
            var facts = stat()
            #expect(stat(node.state + "/state", &facts) == 0 && facts.st_uid == Self.user)
            try expectThatWhatRootMakesIsTheNodes(node)
        }
        #expect(node.stop() == 0)
    }

    @Test(.enabled(if: access("/dev/kvm", R_OK | W_OK) == 0, "there is no /dev/kvm"))
    func virtualMachines() throws {
        var facts = stat()
        #expect(stat("/dev/kvm", &facts) == 0)
        let node = try node(.byUser, class: "kvm", groups: "\(facts.st_gid)")
        try expectService(node, class: "kvm")
        try expectNothingLeft(node)
        #expect(node.stop() == 0)
    }

    /// Who may not open /dev/kvm is told so, and has the other classes.
    @Test(.enabled(if: access("/dev/kvm", R_OK | W_OK) == 0, "there is no /dev/kvm"))
    func withoutTheGroupThereAreNoVirtualMachines() throws {
        var facts = stat()
        try #require(stat("/dev/kvm", &facts) == 0 && facts.st_mode & 0o006 == 0, "everybody may open /dev/kvm")
        let node = try node(.byUser, class: "kvm")
        #expect(node.log.contains("/dev/kvm"), "\(node.log)")
        #expect(node.request("GET", "/readyz").status == 503)
        #expect(node.stop() == 0)
    }

    /// Compiles as an ordinary user, with the compiler shut in.
    @Test func modules() throws {
        guard let root = try Self.compiler() else { return }
        // A compiler that lies in root's home is shown at a place that everybody can reach.
        let place = Self.programs + "/rust"
        try? FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let node = try node(
            .byUser, class: "rwasm", plugin: "config = { rustc = \"\(place)/bin/rustc\" }",
            before: "mount --bind \(root) \(place)")
        #expect(node.log.contains("as this node's user"), "\(node.log)")
        let image = SyntheticModule.chain(4, steps: 10)
        let path = "/v1/functions/hello?class=rwasm&inputs=in&outputs=out&memory=1MiB"
        let registered = node.request("PUT", path, image)
        #expect(registered.status == 201, "\(registered.text) \(node.log)")
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
        try expectNothingLeft(node)
        #expect(node.stop() == 0)
    }

    /// The folder in which a compiler and its libraries lie; nil when there is none.
    private static func compiler() throws -> String? {
        let asked = try said(["rustc", "--print", "sysroot"])
        return asked.isEmpty ? nil : asked
    }

    /// What a program prints.
    private static func said(_ command: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    // MARK: What does not work is told before

    /// What `dandelion check-config` says of these lines of [node] and of more tables.
    private func checked(_ node: String, _ more: String = "") throws -> String {
        let file = Self.programs + "/checked.toml"
        try "[node]\n\(node)\n\(more)".write(toFile: file, atomically: true, encoding: .utf8)
        return try Self.said(["sh", "-c", "exec \"$0\" check-config \"$1\" 2>&1", RunningNode.executable, file])
    }

    @Test func checkConfigTellsWhatWouldNotWork() throws {
        let root = Self.programs + "/root"
        try FileManager.default.createDirectory(
            atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let user = "user = \"nobody\"\nstate = \"\(root)\""
        #expect(try checked(user).contains("rights: state: cannot open the folder \(root) as user \(Self.user)"))
        #expect(try checked("state = \"\(root)\"").contains("rights: runs as root, which no class needs"))
        #expect(try checked("user = \"no-such\"").contains("checked.toml:2:8: there is no user 'no-such'"))
        let log = try checked("user = \"nobody\"", "[audit]\npath = \"\(root)/log\"")
        #expect(log.contains("the audit log \(root)/log cannot be made or written by user 'nobody'"), "\(log)")
        #expect(!log.contains("runs as root"))
    }

    /// Root does not give away what is there, nor does the node use what another user could have made.
    @Test func aFolderOfRootIsNotTaken() throws {
        let error = #expect(throws: RunningNode.DidNotStart.self) {
            _ = try node(.byRoot, class: "process", folderOfRoot: true)
        }
        #expect(error?.log.contains("as user \(Self.user)") == true, "\(error?.log ?? "")")
    }

    /// Secrets and tokens that root makes for such a node are the node's.
    private func expectThatWhatRootMakesIsTheNodes(_ node: RunningNode) throws {
        #expect(try !node.command(["token", "make", "--tenant", "a", "--roles", "invoke"]).isEmpty)
        _ = try node.command(["secret", "set", "key", "--host", "h.example", "--header", "K: {}"], input: "v\n")
        let made =
            [node.state + "/state.key"]
            + ["tokens", "secrets"].flatMap { folder -> [String] in
                let path = "\(node.state)/state/\(folder)"
                return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).map { "\(path)/\($0)" }
            }
        #expect(made.count == 3)
        for path in made {
            var facts = stat()
            #expect(stat(path, &facts) == 0 && facts.st_uid == Self.user, "\(path)")
        }
    }
}
