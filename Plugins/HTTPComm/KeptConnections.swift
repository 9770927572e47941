internal import CCurl
internal import CHTTPComm
internal import Glibc

/// The sockets that libcurl holds for one reactor, so that one on which a server has sent what nobody asked for does not serve
/// another request: libcurl 7.88 would take those bytes for the next answer.
///
/// Known by the local address and port, which is what libcurl tells before it sends a request. One thread at a time.
final class KeptConnections {
    private struct Connection {
        let descriptor: Int32
        let address: [CChar]
        /// Nothing may come while nothing is asked; a server of HTTP/2 may speak at any time.
        var isHTTP1 = false
    }

    let call = WatchedCall()
    private var byPort: [Int32: Connection] = [:]
    private var ports: [Int32: Int32] = [:]

    /// The socket that a request is about to use for the first time is one of `opened`.
    func add(_ opened: [Int32], _ address: UnsafePointer<CChar>, _ port: Int32) {
        guard let descriptor = opened.last(where: { hc_local_port($0) == port }) else { return }
        let text = Array(UnsafeBufferPointer(start: address, count: strlen(address) + 1))
        byPort[port] = Connection(descriptor: descriptor, address: text)
        ports[descriptor] = port
    }

    /// An answer came on it.
    func answered(_ port: Int32, isHTTP1: Bool) { byPort[port]?.isHTTP1 = isHTTP1 }

    /// Whether a request may go out on a connection that has served another.
    /// - Parameter hasMore: bytes that came are with the TLS library already.
    func isQuiet(_ address: UnsafePointer<CChar>, _ port: Int32, hasMore: Bool) -> Bool {
        guard let connection = byPort[port],
            connection.address.withUnsafeBufferPointer({ text in
                text.baseAddress.map { strcmp($0, address) == 0 } ?? false
            })
        else { return false }
        guard connection.isHTTP1 else { return true }
        var byte: UInt8 = 0
        return !hasMore && recv(connection.descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    /// Closes a socket for libcurl.
    fileprivate func end(_ descriptor: Int32) -> Int32 {
        if let port = ports.removeValue(forKey: descriptor), byPort[port]?.descriptor == descriptor {
            byPort[port] = nil
        }
        return call.close(descriptor)
    }

    static let onClose: curl_closesocket_callback = { pointer, descriptor in
        guard let pointer else { return close(descriptor) }
        // SAFETY: the reactor's own, which lives longer than its multi handle and so than every socket.
        return Unmanaged<KeptConnections>.fromOpaque(pointer).takeUnretainedValue().end(descriptor)
    }
}

/// TLS sessions that connections of one reactor leave for later ones: a handle for each hop would forget them.
final class SessionShare {
    let pointer: UnsafeMutableRawPointer

    /// `nil` when there is no memory, or libcurl cannot share sessions.
    init?() {
        guard let pointer = hc_share_init() else { return nil }
        self.pointer = pointer
        // Without locks: one thread at a time.
        guard hc_share_sessions(pointer) == CURLSHE_OK else {
            curl_share_cleanup(pointer)
            return nil
        }
    }

    /// No handle uses it any more.
    deinit { curl_share_cleanup(pointer) }
}
