internal import PluginABI
internal import PluginKit

/// The header lines by which a server sees which trace a request belongs to (W3C Trace Context), as the host says them.
struct TraceFields: ~Copyable {
    private var parent = ByteBuffer()
    private var state = ByteBuffer()

    /// The host's words stand in place of the request's own.
    var isGiven: Bool { parent.count > 0 }

    /// Copies what the host lends for the call. False when there is no memory.
    mutating func take(_ request: dn_comm_request) -> Bool {
        parent.clear()
        state.clear()
        guard request.trace_parent.len > 0 else { return true }
        guard parent.append("traceparent: "), parent.append(Self.bytes(request.trace_parent)) else { return false }
        guard request.trace_state.len > 0 else { return true }
        return state.append("tracestate: ") && state.append(Self.bytes(request.trace_state))
    }

    private static func bytes(_ lent: dn_bytes) -> Bytes {
        Bytes(start: lent.data, count: lent.data == nil ? 0 : Int(clamping: lent.len))
    }

    /// Appends the lines. False when there is no memory.
    func fill(_ headers: inout HeaderList) -> Bool {
        guard isGiven else { return true }
        guard headers.append(line: parent.bytes, name: parent.bytes, isEmpty: false) else { return false }
        return state.count == 0 || headers.append(line: state.bytes, name: state.bytes, isEmpty: false)
    }
}
