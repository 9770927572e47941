import PluginABI
import Glibc

/// A request between submit and release.
final class Request {
    enum State { case waiting, sent, finished, lent }

    let token: UInt64
    let server: Int
    let deadline: UInt64
    let begun: UInt64
    let maxReply: Int
    /// What is sent; empty once it was.
    var wire: [UInt8]
    var state = State.waiting
    private(set) var outcome = DN_COMM_OK
    private(set) var effect = DN_EFFECT_NOT_SENT
    private(set) var message = ""
    private(set) var received = 0
    let sent: Int
    private var ended: UInt64 = 0
    /// The two outputs, and the memory of the second.
    private let outputs = UnsafeMutablePointer<dn_bytes>.allocate(capacity: 2)
    private var content: UnsafeMutableRawPointer?

    init(_ command: Command, _ request: dn_comm_request, _ instance: Instance, now: UInt64) {
        token = request.token
        server = command.server
        wire = command.wire
        sent = wire.count
        begun = now
        deadline = request.deadline == 0 ? now + instance.timeout : request.deadline
        maxReply =
            request.max_response == 0 ? instance.maxReply : min(Int(clamping: request.max_response), instance.maxReply)
    }

    deinit {
        outputs.deallocate()
        content?.deallocate()
    }

    func answer(_ reply: RESP.Reply, received: Int, now: UInt64) {
        let count = reply.content.count
        let copy = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
        if let base = reply.content.baseAddress { memcpy(copy, base, count) }
        content = copy
        // SAFETY: literals live as long as the process; the copy as long as this request, which release ends.
        outputs.initialize(to: dn_bytes(data: reply.kind.utf8Start, len: UInt64(reply.kind.utf8CodeUnitCount)))
        (outputs + 1).initialize(
            to: dn_bytes(data: UnsafePointer(copy.assumingMemoryBound(to: UInt8.self)), len: UInt64(count)))
        self.received = received
        effect = DN_EFFECT_DONE
        state = .finished
        ended = now
    }

    /// - Parameter done: the server has answered, though the answer is not handed out.
    func fail(_ outcome: Int32, _ message: String, now: UInt64, done: Bool = false) {
        self.outcome = outcome
        self.message = message
        effect = done ? DN_EFFECT_DONE : state == .sent ? DN_EFFECT_MAY_HAVE_HAPPENED : DN_EFFECT_NOT_SENT
        state = .finished
        ended = now
        wire = []
    }

    /// Lends the outputs to the host until release.
    func lend(to out: UnsafeMutablePointer<dn_completion>) {
        state = .lent
        out.pointee.outcome = outcome
        out.pointee.effect = effect
        out.pointee.protocol_status = 0
        out.pointee.token = token
        out.pointee.outputs = outcome == DN_COMM_OK ? UnsafePointer(outputs) : nil
        out.pointee.output_count = outcome == DN_COMM_OK ? 2 : 0
        out.pointee.total_ns = ended - begun
        out.pointee.bytes_sent = effect == DN_EFFECT_NOT_SENT ? 0 : UInt64(sent)
        out.pointee.bytes_received = UInt64(received)
        writeText(message, to: &out.pointee.message)
    }
}
