internal import COpenSSL
public import Failure
internal import Glibc

/// The client's side of TLS on a connected socket, whose reads and writes block.
public final class TLSClient {
    /// What a client brings and expects.
    public struct Settings: Sendable {
        /// PEM file of the authorities that are believed; nil = those of the system.
        public var authorities: String?
        /// PEM files of an own certificate and its key.
        public var certificate: (chain: String, key: String)?

        public init(authorities: String? = nil, certificate: (chain: String, key: String)? = nil) {
            self.authorities = authorities
            self.certificate = certificate
        }
    }

    private let context: OpaquePointer
    private let ssl: OpaquePointer

    /// Shakes hands. The server's certificate must be for `host`, a name or an IP address.
    /// - Throws: `.upstream` with the reason.
    public init(on descriptor: Int32, host: String, _ settings: Settings) throws(Failure) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw Failure(.upstream, "TLS: \(TLSError.take())")
        }
        guard co_harden(context) == 1, Self.load(settings, into: context), let ssl = SSL_new(context) else {
            SSL_CTX_free(context)
            throw Failure(.upstream, "TLS: \(TLSError.take())")
        }
        (self.context, self.ssl) = (context, ssl)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        SSL_set_verify(ssl, SSL_VERIFY_PEER, nil)
        let names = SSL_get0_param(ssl)
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(names, host) == 1
        if !isAddress { ERR_clear_error() }
        guard isAddress || X509_VERIFY_PARAM_set1_host(names, host, 0) == 1 && co_server_name(ssl, host) == 1,
            SSL_set_fd(ssl, descriptor) == 1, SSL_connect(ssl) == 1
        else {
            let verdict = SSL_get_verify_result(ssl)
            // SAFETY: the library's texts are NUL-terminated and never freed.
            let why =
                verdict == Int(X509_V_OK)
                ? TLSError.take()
                : X509_verify_cert_error_string(verdict).map { String(cString: $0) } ?? "certificate error \(verdict)"
            throw Failure(.upstream, "TLS: \(why)")
        }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    private static func load(_ settings: Settings, into context: OpaquePointer) -> Bool {
        if let file = settings.authorities {
            guard SSL_CTX_load_verify_file(context, file) == 1 else { return false }
        } else if SSL_CTX_set_default_verify_paths(context) != 1 {
            return false
        }
        guard let own = settings.certificate else { return true }
        return SSL_CTX_use_certificate_chain_file(context, own.chain) == 1
            && SSL_CTX_use_PrivateKey_file(context, own.key, SSL_FILETYPE_PEM) == 1
            && SSL_CTX_check_private_key(context) == 1
    }

    /// The subject of the server's certificate, as RFC 2253 writes it.
    public var serverSubject: String? { SSL_get0_peer_certificate(ssl).flatMap(Certificate.subject) }

    /// As recv(2); 0 also when the connection fails.
    public func read(_ room: UnsafeMutableRawBufferPointer) -> Int {
        ERR_clear_error()
        // SAFETY: room has room.count writable bytes.
        return Int(max(0, SSL_read(ssl, room.baseAddress, Int32(clamping: room.count))))
    }

    /// As send(2); -1 when the connection fails.
    public func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        ERR_clear_error()
        // SAFETY: bytes has bytes.count readable bytes.
        let count = SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
        return count > 0 ? Int(count) : -1
    }

    /// Tells the server that nothing more comes.
    public func end() { SSL_shutdown(ssl) }
}
