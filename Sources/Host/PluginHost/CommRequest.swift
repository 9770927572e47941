public import Failure
public import Items
public import Memory
internal import PluginABI

/// One request of an untrusted function to the outside.
public struct CommRequest {
    public var token: UInt64
    public var `protocol`: Int
    public var signature: Int
    /// One item of each input set.
    public var inputs: [Blob]
    /// CLOCK_MONOTONIC ns, 0 = none.
    public var deadline: UInt64
    /// Bytes of all outputs together.
    public var maxResponse: UInt64
    /// Where the answer is charged.
    public var account: MemoryAccount
    /// Of `Egress.caller`.
    public var caller: UInt64
    /// The fields traceparent and tracestate that it is sent with; nil = as it says itself.
    public var trace: (parent: String, state: String)?

    public init(
        token: UInt64, protocol: Int, signature: Int, inputs: [Blob], deadline: UInt64, maxResponse: UInt64,
        account: MemoryAccount, caller: UInt64 = 0, trace: (parent: String, state: String)? = nil
    ) {
        self.caller = caller
        self.trace = trace
        self.token = token
        self.protocol = `protocol`
        self.signature = signature
        self.inputs = inputs
        self.deadline = deadline
        self.maxResponse = maxResponse
        self.account = account
    }
}

/// A request as a plugin sees it, until its completion: the table of inputs and what it points to.
final class CommLoan {
    /// What was asked for.
    let request: CommRequest
    /// How many outputs its signature has.
    let outputCount: Int
    /// What the answer of a plugin that charges nothing may take; nil for one that charges.
    private let reserved: MemoryHold?
    private let table: UnsafeMutableBufferPointer<dn_bytes>

    init(_ request: CommRequest, outputCount: Int, reserved: MemoryHold? = nil) {
        self.request = request
        self.reserved = reserved
        self.outputCount = outputCount
        table = .allocate(capacity: request.inputs.count)
        _ = table.initialize(
            from: request.inputs.map { blob in
                dn_bytes(data: blob.start?.assumingMemoryBound(to: UInt8.self), len: UInt64(blob.count))
            })
    }

    deinit { table.deallocate() }

    /// Valid during the call; its `inputs` until the loan ends.
    func withRaw(_ body: (UnsafePointer<dn_comm_request>) -> dn_status) -> dn_status {
        guard let inputs = table.baseAddress, !table.isEmpty else { return DN_MISUSE }
        var raw = dn_comm_request(
            struct_size: UInt32(MemoryLayout<dn_comm_request>.size), protocol: UInt32(request.protocol),
            signature: UInt32(request.signature), input_count: UInt32(table.count), inputs: inputs,
            token: request.token, deadline: request.deadline, max_response: request.maxResponse,
            account: request.account.id(for: .replies), trace_parent: dn_bytes(), trace_state: dn_bytes(),
            caller: request.caller)
        guard var (parent, state) = request.trace else { return body(&raw) }
        return parent.withUTF8 { parent in
            state.withUTF8 { state in
                raw.trace_parent = dn_bytes(data: parent.baseAddress, len: UInt64(parent.count))
                raw.trace_state = dn_bytes(data: state.baseAddress, len: UInt64(state.count))
                return body(&raw)
            }
        }
    }
}

/// The end of one request.
public struct CommCompletion: Sendable {
    public let token: UInt64
    /// One for each output set of the signature, none when it failed.
    public let outputs: [Blob]
    /// Nil when an answer came, whatever the protocol's own status says.
    public let failure: Failure?
    /// The request surely did not leave this machine, so it may be sent again.
    public let wasNotSent: Bool
    public let totalTime: UInt64
    /// The protocol's own; 0 = none.
    public let protocolStatus: Int32

    /// The end of a request that the reactor will not end any more; whether it was sent is not known.
    public static func lost(_ token: UInt64, _ failure: Failure) -> CommCompletion {
        CommCompletion(token: token, outputs: [], failure: failure, wasNotSent: false, totalTime: 0, protocolStatus: 0)
    }
}
