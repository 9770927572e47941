internal import CPlatform

/// What the kernel keeps of what was written to a socket.
public enum SocketQueue {
    /// Bytes that the other side has not taken yet; 0 where the kernel does not tell.
    public static func unsent(_ descriptor: Int32) -> Int { Int(cp_unsent(descriptor)) }
}
