public import Config
internal import Glibc

/// What the kernel says of a socket's ends.
public enum SocketAddress {
    /// Who is at the other end of a connection; nil when that has no IP address.
    public static func peer(of descriptor: Int32) -> AddressRange.Address? { address(descriptor, getpeername) }

    /// Whether only this machine's users reach a socket that accepts connections.
    static func isLocal(_ descriptor: Int32) -> Bool {
        if family(of: descriptor) == AF_UNIX { return true }
        return address(descriptor, getsockname).map { AddressRange.isLoopback($0) } ?? false
    }

    static func family(of descriptor: Int32) -> Int32? {
        read(descriptor, getsockname) { Int32($0.loadUnaligned(as: sa_family_t.self)) }
    }

    static func port(of descriptor: Int32) -> UInt16 {
        // The port stands at the same place in addresses of IPv4 and IPv6.
        read(descriptor, getsockname) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) } ?? 0
    }

    private typealias Asking = (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32

    private static func address(_ descriptor: Int32, _ ask: Asking) -> AddressRange.Address? {
        read(descriptor, ask) { bytes in
            switch Int32(bytes.load(as: sa_family_t.self)) {
            case AF_INET: .init(v4: UInt32(bigEndian: bytes.load(fromByteOffset: 4, as: UInt32.self)))
            case AF_INET6:
                .init(
                    high: UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.load(fromByteOffset: 16, as: UInt64.self)))
            default: nil
            }
        }
    }

    private static func read<Value>(
        _ descriptor: Int32, _ ask: Asking, _ read: (UnsafeMutableRawBufferPointer) -> Value?
    ) -> Value? {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &address) { bytes in
            // SAFETY: sockaddr_storage is large and aligned enough for any address; each is read at the offsets of its family.
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                ask(descriptor, base, &size) == 0
            else { return nil }
            return read(bytes)
        }
    }
}
