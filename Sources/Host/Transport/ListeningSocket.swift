internal import CPlatform
public import Config
public import Failure
internal import Glibc

/// A socket that accepts connections.
public enum ListeningSocket {
    /// Where one is, as it turned out.
    public struct Opened: Sendable {
        public let descriptor: Int32
        /// With the port that was taken when 0 was asked for.
        public let place: ListenPlace
        /// Whether only this machine's users reach it.
        public let isLocal: Bool
    }

    private static let backlog: Int32 = 4096

    /// A socket that has its address and accepts nothing yet.
    public struct Bound: Sendable {
        fileprivate let descriptor: Int32
    }

    /// Takes the place's address, if it is one.
    /// - Throws: `.unavailable` naming the place.
    public static func bind(_ place: ListenPlace) throws(Failure) -> Bound? {
        guard case .address(let address) = place else { return nil }
        return try bind(address)
    }

    /// - Parameter bound: what `bind` gave for the place; nil = it was not called.
    /// - Throws: `.unavailable` naming the place.
    public static func open(_ place: ListenPlace, _ bound: Bound? = nil) throws(Failure) -> Opened {
        switch place {
        case .address(let address):
            if let bound { try accept(address, bound) } else { try accept(address, try bind(address)) }
        case .unix(let path):
            Opened(descriptor: try UnixSocket.open(path, backlog: backlog), place: place, isLocal: true)
        case .inherited(let name): try InheritedSockets.take(name)
        }
    }

    private static func bind(_ address: ListenAddress) throws(Failure) -> Bound {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(address.host, String(address.port), &hints, &found)
        guard result == 0, let found else {
            throw Failure(.unavailable, "cannot listen on \(address): \(String(cString: gai_strerror(result)))")
        }
        defer { freeaddrinfo(found) }
        var reason: Int32 = 0
        var candidate: UnsafeMutablePointer<addrinfo>? = found
        while let next = candidate?.pointee {
            if let descriptor = bind(next) { return Bound(descriptor: descriptor) }
            reason = errno
            candidate = next.ai_next
        }
        throw Failure(.unavailable, "cannot listen on \(address): \(String(cString: strerror(reason)))")
    }

    private static func accept(_ address: ListenAddress, _ bound: Bound) throws(Failure) -> Opened {
        guard listen(bound.descriptor, backlog) == 0 else {
            let reason = errno
            close(bound.descriptor)
            throw Failure(.unavailable, "cannot listen on \(address): \(String(cString: strerror(reason)))")
        }
        let port = SocketAddress.port(of: bound.descriptor)
        return Opened(
            descriptor: bound.descriptor, place: .address(ListenAddress(host: address.host, port: port)),
            isLocal: SocketAddress.isLocal(bound.descriptor))
    }

    private static func bind(_ address: addrinfo) -> Int32? {
        let type = address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ai_family, type, 0)
        guard descriptor >= 0 else { return nil }
        set(SOL_SOCKET, SO_REUSEADDR, on: descriptor)
        prepare(descriptor)
        if Glibc.bind(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
        let reason = errno
        close(descriptor)
        errno = reason
        return nil
    }

    /// What connections inherit on Linux, which saves two calls for each.
    static func prepare(_ descriptor: Int32) {
        set(SOL_SOCKET, SO_KEEPALIVE, on: descriptor)
        set(Int32(IPPROTO_TCP), TCP_NODELAY, on: descriptor)
    }

    private static func set(_ level: Int32, _ option: Int32, on descriptor: Int32) {
        var on: Int32 = 1
        setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
    }
}
