internal import COpenSSL
public import Config
public import Failure
internal import Glibc
internal import Synchronization
internal import Telemetry

/// A listener's side of TLS: its certificate and key, which are exchanged when their files change. Connections go on with
/// what they began with.
public final class TLSContext: Sendable {
    /// One reading of the files.
    private final class Keys: @unchecked Sendable {
        // SAFETY of @unchecked Sendable: nothing changes after init, and OpenSSL counts references to a context by atomics.
        let context: OpaquePointer
        init(_ context: OpaquePointer) { self.context = context }
        deinit { SSL_CTX_free(context) }
    }

    private let settings: TLSSettings
    /// In the order of preference, each after its length.
    private let protocols: [UInt8]
    private let current: Mutex<Keys>
    private let identities: Mutex<[String]>

    /// - Parameter protocols: for ALPN, in the order of preference; each 1 to 255 bytes.
    /// - Throws: `.unavailable`, which names the file.
    public init(_ settings: TLSSettings, protocols: [String]) throws(Failure) {
        self.settings = settings
        self.protocols = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        identities = Mutex(Self.identities(of: settings))
        current = Mutex(Keys(try Self.load(settings)))
        register(current.withLock { $0 })
    }

    /// Whether the files can be used.
    /// - Throws: as `init`.
    public static func check(_ settings: TLSSettings) throws(Failure) { SSL_CTX_free(try load(settings)) }

    /// Reads the files again if they are others than before, or in any case if `always`; what is wrong with them is told to the
    /// log, and then everything stays.
    public func reload(always: Bool = false) {
        let now = Self.identities(of: settings)
        let isSame = identities.withLock { known in
            defer { known = now }
            return known == now
        }
        guard always || !isSame else { return }
        do throws(Failure) {
            let keys = Keys(try Self.load(settings))
            register(keys)
            current.withLock { $0 = keys }
            Log.info("certificate \(settings.certificate): read again, for connections from now on")
        } catch {
            Log.error("\(error.detail); the certificate that was read before stays")
        }
    }

    /// The server's side of a new connection; nil when there is no memory for it.
    public func session(on descriptor: Int32) -> TLSSession? {
        let keys = current.withLock { $0 }
        guard let ssl = SSL_new(keys.context) else { return nil }
        guard SSL_set_fd(ssl, descriptor) == 1 else {
            SSL_free(ssl)
            return nil
        }
        SSL_set_accept_state(ssl)
        return TLSSession(ssl, of: self)
    }

    // MARK: Reading the files

    private static func load(_ settings: TLSSettings) throws(Failure) -> OpaquePointer {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_server_method()), co_harden(context) == 1 else {
            throw Failure(.unavailable, "TLS: \(TLSError.take())")
        }
        do throws(Failure) {
            try check(
                SSL_CTX_use_certificate_chain_file(context, settings.certificate), "certificate", settings.certificate)
            try check(
                SSL_CTX_use_PrivateKey_file(context, settings.key, SSL_FILETYPE_PEM), "private key", settings.key)
            try check(SSL_CTX_check_private_key(context), "private key for \(settings.certificate)", settings.key)
            try askClients(settings, context)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        return context
    }

    private static func askClients(_ settings: TLSSettings, _ context: OpaquePointer) throws(Failure) {
        // A session that is resumed is one of this context's: another one has other keys for tickets.
        let name = Array("dandelion".utf8)
        SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
        guard let authorities = settings.clientAuthorities else { return }
        try check(SSL_CTX_load_verify_file(context, authorities), "authority of clients", authorities)
        SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(authorities))
        let mode = SSL_VERIFY_PEER | (settings.clients == .required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
        SSL_CTX_set_verify(context, mode, nil)
    }

    private static func check(_ result: Int32, _ what: String, _ file: String) throws(Failure) {
        guard result != 1 else { return }
        throw Failure(.unavailable, "no \(what) in \(file): \(TLSError.take())")
    }

    /// Another one when a file is changed or replaced.
    private static func identities(of settings: TLSSettings) -> [String] {
        settings.files.map { path in
            var facts = stat()
            guard stat(path, &facts) == 0 else { return "none" }
            let (written, changed) = (facts.st_mtim, facts.st_ctim)
            return "\(facts.st_dev) \(facts.st_ino) \(facts.st_size) \(written.tv_sec).\(written.tv_nsec) "
                + "\(changed.tv_sec).\(changed.tv_nsec)"
        }
    }

    // MARK: ALPN (RFC 7301)

    private func register(_ keys: Keys) {
        // SAFETY: every session keeps this object, so that it outlives the handshakes in which it is asked.
        let context = Unmanaged.passUnretained(self).toOpaque()
        SSL_CTX_set_alpn_select_cb(
            keys.context,
            { _, chosen, length, offered, offeredLength, context in
                guard let context, let chosen, let length, let offered else { return SSL_TLSEXT_ERR_NOACK }
                let own = Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue()
                return own.choose(chosen, length, offered, offeredLength)
            }, context)
    }

    private func choose(
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>, _ length: UnsafeMutablePointer<UInt8>,
        _ offered: UnsafePointer<UInt8>, _ offeredLength: UInt32
    ) -> Int32 {
        // SAFETY: the chosen name points into what the client offered, which lives as long as the handshake: it is of `offered`
        // that a part is given, not of `protocols`.
        let rest = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
        var wanted = 0
        while wanted < protocols.count {
            let name = protocols[(wanted + 1)...].prefix(Int(protocols[wanted]))
            var at = 0
            while at < rest.count, at + 1 + Int(rest[at]) <= rest.count {
                let end = at + 1 + Int(rest[at])
                if rest[(at + 1)..<end].elementsEqual(name) {
                    chosen.pointee = offered + at + 1
                    length.pointee = rest[at]
                    return SSL_TLSEXT_ERR_OK
                }
                at = end
            }
            wanted += 1 + name.count
        }
        // RFC 7301, 3.2: whoever offers protocols and has none of ours is told so.
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}
