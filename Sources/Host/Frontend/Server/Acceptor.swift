internal import CPlatform
internal import Config
internal import Engines
internal import Failure
internal import Glibc
internal import Platform
internal import Synchronization
internal import Telemetry

/// A listening socket, watched by the loops of all workers; the kernel wakes one of them for a connection.
enum ListeningSocket {
    /// - Returns: the descriptor and the port, also when 0 was asked for.
    static func open(host: String, port: UInt16) throws(Failure) -> (descriptor: Int32, port: UInt16) {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &found)
        guard result == 0, let found else {
            throw Failure(.unavailable, "cannot listen on \(host): \(String(cString: gai_strerror(result)))")
        }
        defer { freeaddrinfo(found) }
        var reason: Int32 = 0
        var candidate: UnsafeMutablePointer<addrinfo>? = found
        while let address = candidate?.pointee {
            if let descriptor = bind(address) { return (descriptor, boundPort(descriptor)) }
            reason = errno
            candidate = address.ai_next
        }
        throw Failure(.unavailable, "cannot listen on \(host):\(port): \(String(cString: strerror(reason)))")
    }

    private static func bind(_ address: addrinfo) -> Int32? {
        let type = address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ai_family, type, 0)
        guard descriptor >= 0 else { return nil }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
        // Connections inherit these two on Linux, which saves two calls for each.
        setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, size)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        if Glibc.bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, 4096) == 0 {
            return descriptor
        }
        let reason = errno
        close(descriptor)
        errno = reason
        return nil
    }

    /// Who is at the other end of a connection.
    static func peer(of descriptor: Int32) -> AddressRange.Address? {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &address) { bytes in
            // SAFETY: sockaddr_storage is large and aligned enough for any address; each is read at the offsets of its family.
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                getpeername(descriptor, base, &size) == 0
            else { return nil }
            switch Int32(base.pointee.sa_family) {
            case AF_INET: return .init(v4: UInt32(bigEndian: bytes.load(fromByteOffset: 4, as: UInt32.self)))
            case AF_INET6:
                return .init(
                    high: UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.load(fromByteOffset: 16, as: UInt64.self)))
            default: return nil
            }
        }
    }

    private static func boundPort(_ descriptor: Int32) -> UInt16 {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &address) { bytes in
            // SAFETY: sockaddr_storage is large and aligned enough for any address; the port stands at the same place in
            // those of IPv4 and IPv6.
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                getsockname(descriptor, base, &size) == 0
            else { return 0 }
            return UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self))
        }
    }
}

/// One worker's view of the listening socket.
final class Acceptor: EventSource {
    private unowned let server: Server
    /// Given up for a moment when descriptors run out, so that a client can be told instead of left waiting.
    private var reserve: Int32

    private static let acceptedPerEvent = 16
    private static let pause: UInt64 = 100_000_000

    init(descriptor: Int32, server: Server) {
        self.server = server
        reserve = open("/dev/null", O_RDONLY | O_CLOEXEC)
        super.init(descriptor: descriptor)
    }

    deinit { close(reserve) }

    func start() {
        do { try server.loop.add(self, events: EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue) } catch {
            Log.error("cannot accept connections: \(error)")
        }
    }

    func stop() { server.loop.remove(self) }

    override func ready(_ events: UInt32) {
        for _ in 0..<Self.acceptedPerEvent {
            let connection = cp_accept(descriptor)
            if connection >= 0 {
                server.take(connection)
                continue
            }
            switch errno {
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return relieve(errno)
            // The client was gone before it was accepted, or its network failed: accept(2) says to go on.
            default: continue
            }
        }
    }

    private static let lastTold = Atomic<UInt64>(0)

    /// Once a minute for the whole node, however often it happens.
    private static func tell(_ reason: Int32) {
        let now = Clock.now()
        let last = lastTold.load(ordering: .relaxed)
        guard last == 0 || now &- last >= 60_000_000_000,
            lastTold.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
        else { return }
        Log.warning("no more connections for now: \(String(cString: strerror(reason))); this is told once a minute")
    }

    private func relieve(_ reason: Int32) {
        Self.tell(reason)
        close(reserve)
        let connection = cp_accept(descriptor)
        if connection >= 0 { server.turnAway(connection) }
        reserve = open("/dev/null", O_RDONLY | O_CLOEXEC)
        server.stopAccepting()
        server.loop.schedule(at: Clock.now() &+ Self.pause) { [server] in server.resumeAccepting() }
    }
}
