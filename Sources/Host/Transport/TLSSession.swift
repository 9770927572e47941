internal import COpenSSL
internal import Glibc
internal import Telemetry

/// One connection's TLS. Of one thread at a time.
public final class TLSSession {
    private let ssl: OpaquePointer
    /// Kept for the context's callbacks.
    private let context: TLSContext
    /// The last read gave something, so that more of it may wait here.
    private var mayHold = false
    /// A read goes on when the socket takes more.
    public private(set) var wantsRoom = false
    /// The client's certificate, if it has shown one that is in order; asked once.
    private var knownSubject: String??

    private static let failures = Metrics.shared.cell(
        "dandelion_tls_failures_total", "TLS connections that ended by a mistake of the client, handshakes included.")
    /// Bytes that OpenSSL keeps for a connection, with room to spare: an estimate, which no test measures.
    public static let footprint = 28 << 10

    init(_ ssl: OpaquePointer, of context: TLSContext) {
        self.ssl = ssl
        self.context = context
    }

    deinit { SSL_free(ssl) }

    /// The client has proved what it has to, and both have keys.
    public var isEstablished: Bool { SSL_is_init_finished(ssl) == 1 }

    /// Bytes that have come from the socket wait to be read, of which the socket will not tell.
    public var holdsInput: Bool { mayHold && SSL_has_pending(ssl) == 1 }

    /// As read(2): bytes read; 0 at the end; or -1 and errno, EAGAIN when the client or the socket must do something first,
    /// and EPROTO when it broke the protocol.
    public func read(_ room: UnsafeMutableRawBufferPointer, limit: Int) -> Int {
        ERR_clear_error()
        errno = 0
        // SAFETY: room has room.count writable bytes.
        let count = SSL_read(ssl, room.baseAddress, Int32(clamping: min(room.count, limit)))
        mayHold = count > 0
        wantsRoom = false
        return count > 0 ? Int(count) : explain(count)
    }

    /// As write(2), with errno as of `read`. After EAGAIN the same bytes must come again, maybe with more behind them.
    public func write(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Int {
        ERR_clear_error()
        errno = 0
        // SAFETY: bytes has bytes.count readable bytes.
        let count = SSL_write(ssl, bytes.baseAddress, Int32(clamping: min(bytes.count, limit)))
        return count > 0 ? Int(count) : explain(count, writing: true)
    }

    private func explain(_ result: Int32, writing: Bool = false) -> Int {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ where !writing:
            errno = EAGAIN
            return -1
        case SSL_ERROR_WANT_WRITE:
            wantsRoom = !writing
            errno = EAGAIN
            return -1
        case SSL_ERROR_ZERO_RETURN: return 0
        case SSL_ERROR_SYSCALL:
            // A client that goes away without a word; what it sent is judged by its own length.
            if errno == 0 { return 0 }
            return -1
        default:
            Self.failures.add()
            Log.debug("TLS: \(TLSError.take())")
            errno = EPROTO
            return -1
        }
    }

    /// Tells the client that nothing more comes (close_notify), if it can be told at once.
    public func end() {
        guard isEstablished else { return }
        ERR_clear_error()
        SSL_shutdown(ssl)
    }

    /// Whether the handshake has agreed on this protocol (ALPN).
    public func speaks(_ name: StaticString) -> Bool {
        var chosen: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &chosen, &length)
        // SAFETY: chosen has length bytes for as long as the session.
        let agreed = UnsafeBufferPointer(start: chosen, count: Int(length))
        return agreed.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// The subject of the client's certificate as RFC 2253 writes it ("CN=alice,O=Example"); nil when it has shown none. A
    /// certificate that is not in order ends the handshake.
    public var clientSubject: String? {
        if let knownSubject { return knownSubject }
        guard isEstablished else { return nil }
        let subject = SSL_get0_peer_certificate(ssl).flatMap(Certificate.subject)
        knownSubject = .some(subject)
        return subject
    }
}

/// What is read from certificates.
enum Certificate {
    /// The subject by RFC 2253, in which what belongs to a value cannot look like the next one.
    static func subject(_ certificate: OpaquePointer) -> String? {
        guard let name = X509_get_subject_name(certificate), let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        guard X509_NAME_print_ex(bio, name, 0, CO_RFC2253) >= 0 else { return nil }
        var text: UnsafeMutablePointer<CChar>?
        let count = co_text(bio, &text)
        guard count > 0, let text else { return nil }
        // SAFETY: the buffer has count bytes until BIO_free.
        return String(validating: UnsafeRawBufferPointer(start: text, count: count), as: UTF8.self)
    }
}
