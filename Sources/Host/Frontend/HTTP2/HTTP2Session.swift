internal import CNghttp2
internal import Items

/// The codec of an HTTP/2 connection (RFC 9113): received bytes in, complete requests out, and back again.
///
/// nghttp2 does framing, header compression and flow control; it never touches the socket.
final class HTTP2Session {
    /// Requests to answer, in the order of their completion; the owner empties the list.
    var ready: [HTTP2Stream] = []
    /// Streams that ended before they were answered; the owner empties the list.
    var cancelled: [Int32] = []

    /// The client has begun to speak HTTP/2.
    private(set) var hasBegun = false

    private var session: OpaquePointer?
    private var streams: [Int32: HTTP2Stream] = [:]
    private var buffered = 0
    private var incomplete = 0
    private let limits: Limits

    static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    private static let mostStreams = 100
    private static let window: Int32 = 1 << 20
    /// Content that a client may send after its answer before the stream is reset.
    private static let mostIgnored = 1 << 20

    /// Nil: out of memory.
    init?(limits: Limits) {
        self.limits = limits
        // SAFETY: the session is deleted in deinit, so that self outlives every callback.
        let context = Unmanaged.passUnretained(self).toOpaque()
        guard let callbacks = Self.makeCallbacks() else { return nil }
        defer { nghttp2_session_callbacks_del(callbacks) }
        guard nghttp2_session_server_new(&session, callbacks, context) == 0 else { return nil }
        let settings = [
            setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, UInt32(Self.mostStreams)),
            setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(Self.window)),
            setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(clamping: limits.head)),
        ]
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Self.window * 4)
    }

    deinit { nghttp2_session_del(session) }

    /// Both sides are done with the connection.
    var isFinished: Bool { nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }
    var hasStreams: Bool { !streams.isEmpty }
    /// A request has begun and not ended.
    var isReceiving: Bool { incomplete > 0 }

    /// Of a request that is not answered yet.
    func head(of id: Int32) -> RequestHead? { streams[id]?.head }

    /// Takes over a request that came as HTTP/1.1 with `Upgrade: h2c`, as stream 1 (RFC 7540, 3.2).
    /// - Parameter settings: Value of HTTP2-Settings.
    /// - Returns: false if the settings are malformed.
    func upgrade(_ request: RequestHead, body: Blob, settings: Bytes) -> Bool {
        guard let payload = Self.base64URL(settings) else { return false }
        let isHead: Int32 = request.method == .head ? 1 : 0
        guard nghttp2_session_upgrade2(session, payload, payload.count, isHead, nil) == 0 else { return false }
        let stream = HTTP2Stream(id: 1, upgrading: request, body: body, limits: limits)
        stream.isComplete = true
        streams[1] = stream
        ready.append(stream)
        return true
    }

    /// - Returns: false when the connection is beyond repair; what `drain` still yields explains it to the client.
    func receive(_ bytes: Bytes) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        hasBegun = true
        let count = nghttp2_session_mem_recv(session, base.assumingMemoryBound(to: UInt8.self), bytes.count)
        return count == bytes.count
    }

    /// Moves frames that are due to `output`, until it holds about `limit` bytes.
    func drain(into output: OutputBuffer, limit: Int) {
        var data: UnsafePointer<UInt8>?
        while output.count < limit {
            let count = nghttp2_session_mem_send(session, &data)
            guard count > 0, let data else { return }
            output.append(Bytes(start: data, count: count))
        }
    }

    /// Announces that no further streams are taken.
    func goAway() {
        let last = nghttp2_session_get_last_proc_stream_id(session)
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    func respond(_ id: Int32, _ response: Response, date: DateField) {
        guard let stream = streams[id], !stream.isAnswered else { return }
        stream.isAnswered = true
        let hasContent = stream.head.method != .head && response.status != .noContent
        if hasContent { response.content.write(to: stream.output) }
        var block = HeaderBlock()
        block.add(":status", String(response.status.rawValue))
        block.add("date", String(decoding: date.value, as: UTF8.self))
        if response.status != .noContent { block.add("content-length", String(response.content.count)) }
        if let type = response.contentType { block.add("content-type", "\(type)") }
        for field in response.fields { block.add(field.name, field.value) }
        // SAFETY: the stream lives in `streams` until nghttp2 says that it is closed; it is not read from after that.
        var source = nghttp2_data_provider(
            source: nghttp2_data_source(ptr: Unmanaged.passUnretained(stream).toOpaque()), read_callback: readContent)
        block.withFields { fields, count in
            if stream.output.count > 0 {
                nghttp2_submit_response(session, id, fields, count, &source)
            } else {
                nghttp2_submit_response(session, id, fields, count, nil)
            }
        }
    }

    // What the callbacks do.

    fileprivate func begin(_ id: Int32) {
        streams[id] = HTTP2Stream(id: id, limits: limits)
        incomplete += 1
    }

    private func complete(_ stream: HTTP2Stream) {
        if !stream.isComplete { incomplete -= 1 }
        stream.isComplete = true
    }

    fileprivate func field(_ id: Int32, name: Bytes, value: Bytes) { streams[id]?.add(name: name, value: value) }

    fileprivate func content(_ id: Int32, _ bytes: Bytes) {
        guard let stream = streams[id] else { return }
        let before = stream.bodyCount
        stream.add(content: bytes)
        buffered += stream.bodyCount - before
        if buffered > limits.body * 2 {
            buffered -= stream.bodyCount
            stream.fail(Problem(.tooManyRequests, "busy", "the connection's requests hold too much memory"))
        }
        reject(stream)
        if stream.ignored > Self.mostIgnored {
            nghttp2_submit_rst_stream(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_NO_ERROR.rawValue)
        }
    }

    fileprivate func endHead(_ id: Int32) {
        guard let stream = streams[id] else { return }
        stream.endHead()
        reject(stream)
        guard stream.head.expectsContinue, stream.problem == nil else { return }
        var block = HeaderBlock()
        block.add(":status", "100")
        block.withFields { fields, count in
            _ = nghttp2_submit_headers(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, fields, count, nil)
        }
    }

    fileprivate func end(_ id: Int32) {
        guard let stream = streams[id] else { return }
        complete(stream)
        guard stream.problem == nil else { return }
        ready.append(stream)
    }

    /// Whoever handles the request has its body.
    func releaseBody(of stream: HTTP2Stream) {
        buffered -= stream.bodyCount
        stream.releaseBody()
    }

    fileprivate func close(_ id: Int32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        complete(stream)
        buffered -= stream.bodyCount
        ready.removeAll { $0.id == id }
        if !stream.isAnswered { cancelled.append(id) }
    }

    /// Hands a wrong request out at once: its answer does not wait for the rest of it.
    private func reject(_ stream: HTTP2Stream) {
        guard stream.problem != nil, !stream.isAnswered, !ready.contains(where: { $0 === stream }) else { return }
        ready.append(stream)
    }

    private func setting(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }

    private static func makeCallbacks() -> OpaquePointer? {
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
        nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onData)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onClose)
        return callbacks
    }

    /// base64url without padding (RFC 4648, 5).
    static func base64URL(_ text: Bytes) -> [UInt8]? {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte + 4
            case UInt8(ascii: "-"): digit = 62
            case UInt8(ascii: "_"): digit = 63
            default: return nil
            }
            bits = bits << 6 & 0xffff | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return result
    }
}

/// The session behind a callback's user data.
private func session(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
    // SAFETY: user data is the session that made the callbacks and that outlives them.
    context.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
}

private let onBeginHeaders: nghttp2_on_begin_headers_callback = { _, frame, context in
    if let frame, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
        session(context)?.begin(frame.pointee.hd.stream_id)
    }
    return 0
}

private let onHeader: nghttp2_on_header_callback = { _, frame, name, nameCount, value, valueCount, _, context in
    // Trailers come in a block of another category and are dropped.
    guard let frame, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
    session(context)?.field(
        frame.pointee.hd.stream_id, name: Bytes(start: name, count: nameCount),
        value: Bytes(start: value, count: valueCount))
    return 0
}

private let onData: nghttp2_on_data_chunk_recv_callback = { _, _, id, data, count, context in
    session(context)?.content(id, Bytes(start: data, count: count))
    return 0
}

private let onFrame: nghttp2_on_frame_recv_callback = { _, frame, context in
    guard let frame, let session = session(context) else { return 0 }
    let header = frame.pointee.hd
    let isHeaders = header.type == UInt8(NGHTTP2_HEADERS.rawValue)
    guard isHeaders || header.type == UInt8(NGHTTP2_DATA.rawValue) else { return 0 }
    if isHeaders, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST { session.endHead(header.stream_id) }
    if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { session.end(header.stream_id) }
    return 0
}

private let onClose: nghttp2_on_stream_close_callback = { _, id, _, context in
    session(context)?.close(id)
    return 0
}

/// Moves a piece of a response's content to a frame.
private let readContent: nghttp2_data_source_read_callback = { _, _, target, limit, flags, source, _ in
    guard let pointer = source?.pointee.ptr, let target else { return 0 }
    // SAFETY: the source is the stream, which the session keeps until nghttp2 has closed it.
    let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
    let count = stream.output.read(into: target, limit: limit)
    if stream.output.count == 0 { flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
    return count
}
