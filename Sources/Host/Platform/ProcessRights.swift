internal import CPlatform
internal import Glibc

/// What the kernel lets this process do. What changes it is called by the first thread before there is another one, and is for
/// good.
public enum ProcessRights {
    public static var isRoot: Bool { geteuid() == 0 }
    public static var user: UInt32 { geteuid() }

    /// A set of capabilities, bit N for number N (capabilities(7)).
    public struct Capabilities: OptionSet, Sendable {
        public let rawValue: UInt64
        public init(rawValue: UInt64) { self.rawValue = rawValue }

        public static let changeOwner = Capabilities(rawValue: 1 << CAP_CHOWN)
        public static let anyFile = Capabilities(rawValue: 1 << CAP_DAC_OVERRIDE)
        public static let ownerOfAny = Capabilities(rawValue: 1 << CAP_FOWNER)
        public static let kill = Capabilities(rawValue: 1 << CAP_KILL)
        public static let setGroup = Capabilities(rawValue: 1 << CAP_SETGID)
        public static let setUser = Capabilities(rawValue: 1 << CAP_SETUID)
        public static let setCapabilities = Capabilities(rawValue: 1 << CAP_SETPCAP)
        public static let trace = Capabilities(rawValue: 1 << CAP_SYS_PTRACE)
        public static let administer = Capabilities(rawValue: 1 << CAP_SYS_ADMIN)
    }

    /// Becomes an ordinary user, as only root can: for root these calls leave no way back.
    public static func become(_ user: User) throws(SystemError) {
        try check(setgroups(user.groups.count, user.groups), "setgroups")
        try check(setgid(user.group), "setgid")
        try check(setuid(user.id), "setuid")
        // The kernel hides who has changed from itself, too: its own files in /proc would be root's.
        try code(cp_show_self(), "prctl(PR_SET_DUMPABLE)")
    }

    /// Gives up that programs to come could have other capabilities than `kept`, as root can.
    public static func bound(_ kept: Capabilities) throws(SystemError) {
        try code(cp_bound_capabilities(kept.rawValue), "prctl(PR_CAPBSET_DROP)")
    }

    /// Gives up all capabilities but `kept`, and that programs get more rights by their files.
    public static func keep(_ kept: Capabilities) throws(SystemError) {
        try code(cp_keep_capabilities(kept.rawValue), "capset")
        try code(cp_refuse_privileges(), "prctl(PR_SET_NO_NEW_PRIVS)")
    }

    /// What the process knows is not left in files when it crashes.
    public static func refuseCoreDumps() throws(SystemError) {
        // One byte: too little for a file, and what keeps the kernel from starting a program that would take the memory.
        var none = rlimit(rlim_cur: 1, rlim_max: 1)
        try check(setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none), "setrlimit(RLIMIT_CORE)")
    }

    private static func check(_ result: Int32, _ call: String) throws(SystemError) {
        if result != 0 { throw SystemError.last(call) }
    }

    private static func code(_ code: Int32, _ call: String) throws(SystemError) {
        if code != 0 { throw SystemError(code, call) }
    }
}
