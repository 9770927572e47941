internal import CCurl
internal import CHTTPComm
internal import Glibc

/// The options of a libcurl handle: `setFixed` those that are the same for all, `setHop` those of a hop.
enum EasyOptions {
    /// - Parameter transfer: lives as long as the handle.
    static func setFixed(
        _ easy: UnsafeMutableRawPointer, _ instance: Instance, _ transfer: Transfer,
        _ errors: UnsafeMutablePointer<CChar>
    ) -> Bool {
        // SAFETY: the transfer owns the handle, so it is alive whenever libcurl calls back with this pointer.
        let me = Unmanaged.passUnretained(transfer).toOpaque()
        let settings = instance.settings
        var codes = [
            hc_set_pointer(easy, CURLOPT_PRIVATE, me),
            hc_set_pointer(easy, CURLOPT_ERRORBUFFER, errors),
            hc_set_pointer(easy, CURLOPT_WRITEDATA, me),
            hc_set_pointer(easy, CURLOPT_HEADERDATA, me),
            hc_set_pointer(easy, CURLOPT_OPENSOCKETDATA, me),
            hc_set_pointer(easy, CURLOPT_PREREQDATA, me),
            // Sockets may outlive the handle; the reactor's table outlives both.
            hc_set_pointer(
                easy, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(transfer.connections).toOpaque()),
            hc_set_pointer(easy, CURLOPT_SHARE, transfer.sessions?.pointer),
            hc_set_close_socket(easy, KeptConnections.onClose),
            hc_set_write(easy, CURLOPT_WRITEFUNCTION, onBody),
            hc_set_write(easy, CURLOPT_HEADERFUNCTION, onHead),
            hc_set_open_socket(easy, onOpenSocket),
            hc_set_before_request(easy, onBeforeRequest),
            hc_set_long(easy, CURLOPT_NOSIGNAL, 1),
            // A name that is still being looked up must not hold up cancel and deadline.
            hc_set_long(easy, CURLOPT_QUICK_EXIT, 1),
            hc_set_long(easy, CURLOPT_FOLLOWLOCATION, 0),
            // Chunks come as they are: ChunkReader is strict, and libcurl keeps every trailer line of an endless row.
            hc_set_long(easy, CURLOPT_HTTP_TRANSFER_DECODING, 0),
            hc_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1),
            hc_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, settings.connectTimeoutMs),
            hc_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            hc_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https"),
            // Set, even when empty: otherwise the environment is asked.
            hc_set_text(easy, CURLOPT_PROXY, settings.proxy),
            hc_set_text(easy, CURLOPT_NOPROXY, ""),
        ]
        if let authorities = instance.authorities {
            codes.append(hc_set_text(easy, CURLOPT_CAINFO, authorities.path))
            // With a folder besides, libcurl would read all authorities again for every connection.
            codes.append(hc_set_pointer(easy, CURLOPT_CAPATH, nil))
        }
        return codes.allSatisfy { $0 == CURLE_OK }
    }

    /// - Parameters:
    ///   - url: NUL-terminated.
    ///   - body: `nil` sends none, not even its length.
    ///   - isFresh: on a connection that served no other request.
    static func setHop(
        _ easy: UnsafeMutableRawPointer, _ url: Bytes, _ method: Bytes, _ body: Bytes?, _ version: HTTPVersion,
        _ isTLS: Bool, _ headers: UnsafeMutablePointer<curl_slist>?, isFresh: Bool
    ) -> Bool {
        // libcurl 7.88 sends HTTP/1 on a kept HTTP/2 connection, and greets anew on one without TLS (its issue 10634):
        // these two get connections of their own.
        let isAlone = version == .http10 || version == .http2 && !isTLS
        return hc_set_pointer(easy, CURLOPT_URL, url.baseAddress) == CURLE_OK
            && hc_set_pointer(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK
            && hc_set_long(easy, CURLOPT_HTTP_VERSION, curlVersion(version, isTLS)) == CURLE_OK
            && hc_set_long(easy, CURLOPT_FRESH_CONNECT, isAlone || isFresh ? 1 : 0) == CURLE_OK
            && hc_set_long(easy, CURLOPT_FORBID_REUSE, isAlone ? 1 : 0) == CURLE_OK
            // Requests that ask for HTTP/2 share the connection that the first of them opens.
            && hc_set_long(easy, CURLOPT_PIPEWAIT, version == .http2 && isTLS ? 1 : 0) == CURLE_OK
            && setMethod(easy, method, body)
    }

    private static func curlVersion(_ version: HTTPVersion, _ isTLS: Bool) -> Int {
        switch version {
        case .http10: Int(CURL_HTTP_VERSION_1_0)
        case .http11: Int(isTLS ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
        case .http2: Int(isTLS ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
        }
    }

    private static func setMethod(_ easy: UnsafeMutableRawPointer, _ method: Bytes, _ body: Bytes?) -> Bool {
        let isHead = ASCII.isEqual(method, "HEAD")
        var codes = hc_set_long(easy, CURLOPT_NOBODY, isHead ? 1 : 0) == CURLE_OK
        if let body {
            // An empty body needs a pointer too: with none, libcurl would ask a callback for it.
            let data = body.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start)
            codes =
                codes && hc_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)) == CURLE_OK
                && hc_set_pointer(easy, CURLOPT_POSTFIELDS, data) == CURLE_OK
        } else if !isHead {
            codes = codes && hc_set_long(easy, CURLOPT_HTTPGET, 1) == CURLE_OK
        }
        if isHead || ASCII.isEqual(method, body == nil ? "GET" : "POST") {
            return codes && hc_set_pointer(easy, CURLOPT_CUSTOMREQUEST, nil) == CURLE_OK
        }
        return codes
            && withUnsafeTemporaryAllocation(of: UInt8.self, capacity: method.count + 1) { name in
                _ = name.initialize(from: method)
                name[method.count] = 0
                return hc_set_pointer(easy, CURLOPT_CUSTOMREQUEST, name.baseAddress) == CURLE_OK
            }
    }

    private static func hc_set_text(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ text: String) -> CURLcode {
        text.withCString { hc_set_pointer(easy, option, $0) }
    }

    // SAFETY of the callbacks: libcurl hands back the pointer of setFixed, whose transfer owns the handle.

    private static func transfer(_ pointer: UnsafeMutableRawPointer?) -> Transfer? {
        pointer.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let onBody: curl_write_callback = { data, size, count, pointer in
        let bytes = Bytes(start: data, count: size * count)
        return transfer(pointer)?.receivedBody(bytes) == true ? bytes.count : 0
    }

    private static let onHead: curl_write_callback = { data, size, count, pointer in
        let bytes = Bytes(start: data, count: size * count)
        return transfer(pointer)?.receivedHead(bytes) == true ? bytes.count : 0
    }

    private static let onOpenSocket: curl_opensocket_callback = { pointer, _, address in
        guard let transfer = transfer(pointer), let address else { return -1 }
        return transfer.openSocket(address)
    }

    private static let onBeforeRequest: curl_prereq_callback = { pointer, _, address, _, port in
        guard let transfer = transfer(pointer), let address else { return CURL_PREREQFUNC_ABORT }
        return transfer.maySend(from: address, port) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }
}
