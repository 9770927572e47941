internal import CNghttp2
internal import Items
internal import Memory

/// The codec of an HTTP/2 connection (RFC 9113): received bytes in, complete requests out, and back again.
///
/// nghttp2 does framing, header compression and flow control; it never touches the socket.
final class HTTP2Session {
    /// Requests to answer, in the order of their completion; the owner empties the list.
    var ready: [HTTP2Stream] = []
    /// Streams that ended before they were answered; the owner empties the list.
    var cancelled: [Int32] = []

    /// The owner's clock, in ticks of a second; to be set before anything else is called.
    var now: UInt32 = 0

    private var session: OpaquePointer?
    private var streams: [Int32: HTTP2Stream] = [:]
    private var order = StreamOrder()
    /// Not after the tick at which the first stream will have lasted too long.
    private(set) var nextExpiry = UInt32.max
    private var buffered = 0
    /// Of the head or trailers that arrive.
    private var fields = 0
    /// Says who makes a request, or why it gets no further.
    typealias Gatekeeper = (RequestHead) throws(Problem) -> Caller?
    private let gate: Gatekeeper?
    private let limits: Limits
    private let memory: HTTP2Memory

    static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    private static let mostStreams = 100
    private static let window: Int32 = 1 << 20
    /// Fields of one head, or of trailers; the connection ends with more, long after the request was refused.
    private static let mostFields = 1000
    /// Content that a client may send after its answer before the stream is reset.
    private static let mostIgnored = 1 << 20

    /// Nil: out of memory, or connections hold as much as they may.
    /// - Parameter gate: nil = everybody may do everything.
    init?(limits: Limits, gate: Gatekeeper? = nil) {
        self.limits = limits
        self.gate = gate
        memory = HTTP2Memory(limits.budget.own)
        // SAFETY: the session is deleted in deinit, so that self outlives every callback.
        let context = Unmanaged.passUnretained(self).toOpaque()
        guard let callbacks = Self.makeCallbacks() else { return nil }
        defer { nghttp2_session_callbacks_del(callbacks) }
        var functions = memory.functions
        guard nghttp2_session_server_new3(&session, callbacks, context, nil, &functions) == 0, memory.settle() else {
            return nil
        }
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
    /// It is the client's turn in all streams.
    var awaitsClient: Bool { streams.values.allSatisfy { $0.waiting != .nothing } }
    /// Of a request that is not answered yet.
    func head(of id: Int32) -> RequestHead? { streams[id]?.head }

    /// - Returns: false when the connection is beyond repair; what `drain` still yields explains it to the client.
    func receive(_ bytes: Bytes) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        let count = nghttp2_session_mem_recv(session, base.assumingMemoryBound(to: UInt8.self), bytes.count)
        guard memory.settle() else {
            nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
            return false
        }
        return count == bytes.count
    }

    /// Moves frames that are due to `output`, until it holds about `limit` bytes.
    func drain(into output: OutputBuffer, limit: Int) {
        var data: UnsafePointer<UInt8>?
        while output.count < limit {
            let count = nghttp2_session_mem_send(session, &data)
            guard count > 0, let data else { break }
            output.append(Bytes(start: data, count: count))
        }
        // More than allowed is seen when the client sends the next frame.
        _ = memory.settle()
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
        wait(stream, for: .reply)
        let hasContent = stream.head.method != .head && response.status != .noContent
        if hasContent { response.content.write(to: stream.output) }
        var block = HeaderBlock()
        block.add(":status", String(response.status.rawValue))
        block.add("date", String(decoding: date.value, as: UTF8.self))
        if response.status != .noContent { block.add("content-length", String(response.content.count)) }
        if let type = response.contentType { block.add("content-type", "\(type)") }
        if let id = stream.head.idText { block.add("x-request-id", id) }
        for field in response.fields { block.add(field.name, field.value) }
        if let timeline = response.timeline { block.add("server-timing", timeline.serverTiming) }
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

    func begin(_ id: Int32) {
        let stream = HTTP2Stream(id: id, limits: limits)
        streams[id] = stream
        order.begin(id)
        wait(stream, for: .head)
    }

    /// A frame arrives.
    func check(_ frame: nghttp2_frame_hd) {
        guard frame.type == UInt8(NGHTTP2_HEADERS.rawValue), streams[frame.stream_id] == nil else { return }
        if order.admits(headersOn: frame.stream_id) { return }
        nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR.rawValue)
    }

    /// A head or trailers begin.
    func beginBlock() { fields = 0 }

    /// Counts a field of the block.
    /// - Returns: false when reading must end: a few bytes can refer to fields without end, and each takes its time.
    func countField() -> Bool {
        fields += 1
        guard fields > Self.mostFields else { return true }
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
        return false
    }

    func field(_ id: Int32, name: Bytes, value: Bytes) { streams[id]?.add(name: name, value: value) }

    func content(_ id: Int32, _ bytes: Bytes) {
        guard let stream = streams[id] else { return }
        let before = stream.bodyCount
        stream.add(content: bytes)
        buffered += stream.bodyCount - before
        stream.progress += bytes.count
        stream.note(at: now)
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

    func endHead(_ id: Int32) {
        guard let stream = streams[id] else { return }
        stream.endHead(gate)
        if stream.waiting == .head { wait(stream, for: .body) }
        reject(stream)
        guard stream.head.expectsContinue, stream.problem == nil else { return }
        var block = HeaderBlock()
        block.add(":status", "100")
        block.withFields { fields, count in
            _ = nghttp2_submit_headers(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, fields, count, nil)
        }
    }

    func end(_ id: Int32) {
        guard let stream = streams[id] else { return }
        stream.isComplete = true
        guard stream.problem == nil else { return }
        wait(stream, for: .nothing)
        ready.append(stream)
    }

    /// The last frame of a response is written.
    func sent(_ id: Int32) {
        guard let stream = streams[id], !stream.isComplete else { return }
        // The client may still be sending a request that is answered: for a moment it may, as on a connection of HTTP/1.1.
        wait(stream, for: .end)
    }

    /// Whoever handles the request has its body.
    func releaseBody(of stream: HTTP2Stream) {
        buffered -= stream.bodyCount
        stream.releaseBody()
    }

    func close(_ id: Int32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        if !stream.isComplete { order.abandon(id) }
        buffered -= stream.bodyCount
        ready.removeAll { $0.id == id }
        if !stream.isAnswered { cancelled.append(id) }
    }

    /// Hands a wrong request out at once: its answer does not wait for the rest of it.
    private func reject(_ stream: HTTP2Stream) {
        guard stream.problem != nil, !stream.isAnswered, !ready.contains(where: { $0 === stream }) else { return }
        ready.append(stream)
    }

    // MARK: Time

    private func wait(_ stream: HTTP2Stream, for wanted: HTTP2Stream.Waiting) {
        stream.wait(for: wanted, at: now)
        nextExpiry = min(nextExpiry, stream.expiry)
    }

    /// Ends what has lasted too long: a request that stays out is answered with 408, an answer that nobody takes is dropped.
    /// - Returns: false when the connection must end, because a head that stays out holds up all its streams.
    func expire() -> Bool {
        guard nextExpiry <= now else { return true }
        nextExpiry = .max
        for stream in streams.values {
            stream.note(at: now)
            guard stream.expiry <= now else {
                nextExpiry = min(nextExpiry, stream.expiry)
                continue
            }
            switch stream.waiting {
            case .head: return false
            case .body:
                stream.wait(for: .nothing, at: now)
                buffered -= stream.bodyCount
                stream.fail(Problem(.requestTimeout, "requestTimeout", "the request did not arrive in time"))
                reject(stream)
            case .reply: reset(stream, NGHTTP2_CANCEL)
            case .end: reset(stream, NGHTTP2_NO_ERROR)
            case .nothing: break
            }
        }
        return true
    }

    private func reset(_ stream: HTTP2Stream, _ code: nghttp2_error_code) {
        stream.wait(for: .nothing, at: now)
        stream.abandonOutput()
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code.rawValue)
    }

    private func setting(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }
}
