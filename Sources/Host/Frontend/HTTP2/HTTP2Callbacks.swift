internal import CNghttp2

extension HTTP2Session {
    /// Nil: out of memory.
    static func makeCallbacks() -> OpaquePointer? {
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, onBeginFrame)
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
        nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onData)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame)
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, onSent)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onClose)
        return callbacks
    }
}

/// The session behind a callback's user data.
private func session(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
    // SAFETY: user data is the session that made the callbacks and that outlives them.
    context.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
}

private let onBeginFrame: nghttp2_on_begin_frame_callback = { _, frame, context in
    if let frame { session(context)?.check(frame.pointee) }
    return 0
}

private let onSent: nghttp2_on_frame_send_callback = { _, frame, context in
    guard let header = frame?.pointee.hd else { return 0 }
    guard header.type == UInt8(NGHTTP2_HEADERS.rawValue) || header.type == UInt8(NGHTTP2_DATA.rawValue) else {
        return 0
    }
    if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { session(context)?.sent(header.stream_id) }
    return 0
}

private let onBeginHeaders: nghttp2_on_begin_headers_callback = { _, frame, context in
    session(context)?.beginBlock()
    if let frame, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
        session(context)?.begin(frame.pointee.hd.stream_id)
    }
    return 0
}

private let onHeader: nghttp2_on_header_callback = { _, frame, name, nameCount, value, valueCount, _, context in
    guard let session = session(context) else { return 0 }
    guard session.countField() else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
    // Trailers come in a block of another category and are dropped.
    guard let frame, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
    session.field(
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
let readContent: nghttp2_data_source_read_callback = { _, _, target, limit, flags, source, _ in
    guard let pointer = source?.pointee.ptr, let target else { return 0 }
    // SAFETY: the source is the stream, which the session keeps until nghttp2 has closed it.
    let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
    guard !stream.isAbandoned else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    let count = stream.output.read(into: target, limit: limit)
    stream.progress += count
    if stream.output.count == 0 { flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
    return count
}
