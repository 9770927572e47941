internal import PluginABI
internal import PluginKit

/// Writes completions into the caller's array, whose elements may be longer than ours.
struct CompletionWriter {
    private let base: UnsafeMutableRawPointer
    private let stride: Int

    init(_ out: UnsafeMutablePointer<dn_completion>) {
        base = UnsafeMutableRawPointer(out)
        let given = Int(UnsafeRawPointer(out).loadUnaligned(as: UInt32.self))
        // Every field is of version 1.0, so no host's element is shorter.
        stride = max(given, MemoryLayout<dn_completion>.size)
    }

    func write(_ transfer: Transfer, at index: Int, now: UInt64) {
        // SAFETY: the caller vouches for its array, whose elements are `stride` bytes long; index is below capacity.
        let out = (base + index * stride).assumingMemoryBound(to: dn_completion.self)
        let ending = transfer.ending
        out.pointee.outcome = ending.outcome
        out.pointee.effect = ending.effect
        out.pointee.protocol_status = ending.status
        out.pointee.token = transfer.token
        out.pointee.outputs = ending.outcome == DN_COMM_OK ? UnsafePointer(transfer.outputs) : nil
        out.pointee.output_count = ending.outcome == DN_COMM_OK ? 2 : 0
        out.pointee.padding = 0
        out.pointee.total_ns = now &- transfer.startedAt
        out.pointee.bytes_sent = transfer.bytesSent
        out.pointee.bytes_received = transfer.bytesReceived
        writeText(ending.message, into: &out.pointee.message)
    }
}
