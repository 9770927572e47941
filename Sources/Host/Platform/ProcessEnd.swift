internal import CPlatform

/// Who may end the process: exit(3) called by a library is no end that whoever started the node should take for a good one.
public enum ProcessEnd {
    /// From now on exit(3) says so on standard error and leaves with 70, whatever it was called with.
    public static func forbid() { cp_forbid_exit() }

    /// The program ends by itself.
    public static func permit() { cp_permit_exit() }
}
