public import Config
public import Failure
internal import Glibc
internal import Platform
internal import Registry
internal import Telemetry
internal import Values

/// As whom the node works, and with which rights (Docs/operating.md, "As whom the node runs").
public struct NodeRights {
    private let config: NodeConfig
    /// Nil: who starts the node.
    private let user: User?

    /// What plugins of root shut children in with, and end them: a root of files, namespaces and users of their own.
    private static let ofRoot: ProcessRights.Capabilities = [
        .changeOwner, .anyFile, .ownerOfAny, .kill, .setGroup, .setUser, .setCapabilities, .trace, .administer,
    ]

    /// - Throws: `.unavailable` when the config's user is none of this machine's.
    public init(_ config: NodeConfig) throws(Failure) {
        self.config = config
        user = try config.node.user.map { (name) throws(Failure) in
            guard let user = User(name.value) else {
                throw Failure(
                    .unavailable,
                    "\(config.file):\(name.place.line):\(name.place.column): there is no user '\(name.value)' on this machine"
                )
            }
            return user
        }
    }

    /// Becomes the config's user and gives up what the node does not need, for good. A state folder that is not there is made
    /// for that user. Call from the main thread before there is another one.
    /// - Throws: `.unavailable`.
    public func giveUp() throws(Failure) {
        try change(makingState: true)
        if ProcessRights.isRoot {
            Log.warning(
                "the node runs as root: name an ordinary user in the config (user in [node]), or start it as one")
        }
    }

    /// The same in order to see what a node could do; makes nothing.
    /// - Returns: what would not work, each with what to do.
    public func tried() -> [String] {
        do throws(Failure) { try change(makingState: false) } catch { return [error.detail] }
        let root = "runs as root, which no class needs: name an ordinary user (user in [node])"
        return (ProcessRights.isRoot ? [root] : []) + stateMistakes + fileMistakes
    }

    private func change(makingState: Bool) throws(Failure) {
        if let user, user.id != ProcessRights.user {
            guard ProcessRights.isRoot else {
                throw Failure(
                    .unavailable,
                    "the config wants user '\(user.name)', which only root can become: start the node as root or as that user"
                )
            }
            if makingState { try makeState(for: user) }
        }
        let id = user?.id ?? ProcessRights.user
        let kept = id == 0 ? Self.ofRoot : []
        try telling("give up rights") { () throws(SystemError) in try ProcessRights.bound(kept) }
        if let user, user.id != ProcessRights.user {
            try telling("become user '\(user.name)'") { () throws(SystemError) in try ProcessRights.become(user) }
        }
        try telling("give up rights") { () throws(SystemError) in
            try ProcessRights.keep(kept)
            try ProcessRights.refuseCoreDumps()
        }
    }

    private func telling(_ what: String, _ body: () throws(SystemError) -> Void) throws(Failure) {
        do throws(SystemError) { try body() } catch { throw Failure(.unavailable, "the node cannot \(what): \(error)") }
    }

    /// What is there stays whose it is: root does not give files away by their names.
    private func makeState(for user: User) throws(Failure) {
        let path = config.node.state
        guard mkdir(path, 0o700) == 0 else { return }
        // Not by its name, under which something else may stand by now.
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        defer { if folder >= 0 { close(folder) } }
        guard folder >= 0, fchown(folder, user.id, user.group) == 0 else {
            throw Failure(.unavailable, "the state folder \(path) cannot be made: \(SystemError.last("fchown"))")
        }
    }

    // MARK: What this user cannot do

    private var stateMistakes: [String] {
        let path = config.node.state
        if access(path, F_OK) != 0, errno == ENOENT {
            // A node that root starts makes it.
            return user != nil || Self.canMake(path)
                ? [] : ["the state folder \(path) cannot be made in \(Self.folder(of: path))"]
        }
        do throws(Failure) {
            close(try StateTrust.folder(path))
            return []
        } catch { return [error.detail] }
    }

    private var fileMistakes: [String] {
        var read: [(what: String, path: String?)] = [
            ("the file of JSON web keys", config.authentication.jwt?.keys),
            ("the file with the fleet's token", config.fleet?.tokenFile),
            ("the file with the collector's authorities", config.traces.collector?.authorities),
        ]
        var made: [(what: String, path: String?)] = [
            ("the audit log", config.audit.path), ("the access log", config.accessLog.path),
        ]
        if access(config.node.secretsKey, F_OK) == 0 { read.append(("the secrets' key", config.node.secretsKey)) }
        for listener in config.listeners {
            read += (listener.tls?.files ?? []).map { ("of the listener \(listener.place) the file", $0) }
            if case .unix(let path) = listener.place { made.append(("the socket", path)) }
        }
        let unread = read.filter { $0.path.map { access($0, R_OK) != 0 } ?? false }
        let unmade = made.filter { $0.path.map { !Self.canMake($0) } ?? false }
        return unread.map { "\($0.what) \($0.path ?? "") cannot be read by \(name)" }
            + unmade.map { "\($0.what) \($0.path ?? "") cannot be made or written by \(name)" }
    }

    private var name: String { user.map { "user '\($0.name)'" } ?? "user \(ProcessRights.user)" }

    private static func canMake(_ path: String) -> Bool {
        access(path, W_OK) == 0 || access(path, F_OK) != 0 && access(folder(of: path), W_OK) == 0
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
