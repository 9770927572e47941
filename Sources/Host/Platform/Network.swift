internal import CPlatform

/// The process's way to other machines.
public enum Network {
    /// From now on, in all threads, connect(2) and datagrams to an address fail as without a network. Connections that are
    /// open stay. Does nothing where the system has no seccomp(2).
    public static func refuseConnections() { _ = cp_refuse_connections() }
}
