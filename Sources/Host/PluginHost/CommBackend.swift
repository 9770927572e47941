public import Failure
public import Items
internal import PluginABI

/// A communication backend: one started plugin seen through dn.comm/1.
public final class CommBackend: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; slots are called under the ABI's thread words.

    /// One way to call a protocol: names of its sets.
    public struct Signature: Sendable, Equatable {
        public let inputs: [String]
        public let outputs: [String]
    }

    public struct `Protocol`: Sendable, Equatable {
        public let name: String
        public let signatures: [Signature]
    }

    public let instance: PluginInstance
    public var name: String { instance.label }
    public let protocols: [`Protocol`]
    let slots: CommSlots
    private let retirement = Retirement()
    /// A later generation has taken its place; reactors of it end when their requests have.
    public var isRetired: Bool { retirement.isOver }
    public func retire() { retirement.begin() }

    public init(_ instance: PluginInstance) throws(Failure) {
        let what = "plugin \(instance.label)"
        guard let table = instance.library.interface(DN_COMM_1) else {
            throw Failure(.unavailable, "\(what): is no communication backend (offers no \(DN_COMM_1))")
        }
        self.instance = instance
        slots = try CommSlots(ABI.normalised(table, into: dn_comm()), what)
        var first: UnsafePointer<dn_comm_protocol>?
        var count: UInt64 = 0
        var error = ABI.emptyError()
        let status = slots.protocols(instance.handle, &first, &count, &error)
        guard status == DN_OK else { throw ABI.failure(status, error, what) }
        guard let first, count > 0, count <= 64 else { throw Failure(.unavailable, "\(what): offers no protocol") }
        // Elements are as large as the plugin's struct_size says, which may differ from ours.
        let stride = Int(first.pointee.struct_size)
        protocols = (0..<Int(count)).map { index in
            Self.read(ABI.normalised(UnsafeRawPointer(first) + index * stride, into: dn_comm_protocol()))
        }
        guard protocols.allSatisfy({ !$0.signatures.isEmpty && !$0.name.isEmpty }) else {
            throw Failure(.unavailable, "\(what): a protocol lacks its name or signatures")
        }
    }

    /// Whether the backend is sure that the request may be made twice.
    public func isIdempotent(_ request: CommRequest) -> Bool {
        var info = dn_request_info()
        info.struct_size = UInt32(MemoryLayout<dn_request_info>.size)
        var error = ABI.emptyError()
        let status = withExtendedLifetime(request.inputs) {
            request.withRaw { slots.validate(instance.handle, $0, &info, &error) }
        }
        return status == DN_OK && info.idempotent == DN_IDEMPOTENT_YES
    }

    private static func read(_ raw: dn_comm_protocol) -> `Protocol` {
        func names(_ text: UnsafePointer<CChar>?) -> [String] {
            ABI.text(text).split(separator: " ").map { String($0) }
        }
        let count = raw.signatures == nil ? 0 : Int(min(raw.signature_count, 64))
        let signatures = UnsafeBufferPointer(start: raw.signatures, count: count)
        return `Protocol`(
            name: ABI.text(raw.name),
            signatures: signatures.map { Signature(inputs: names($0.inputs), outputs: names($0.outputs)) })
    }
}

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

    public init(token: UInt64, protocol: Int, signature: Int, inputs: [Blob], deadline: UInt64, maxResponse: UInt64) {
        self.token = token
        self.protocol = `protocol`
        self.signature = signature
        self.inputs = inputs
        self.deadline = deadline
        self.maxResponse = maxResponse
    }

    /// As the ABI has it, valid during the call; what the inputs point to, as long as they live.
    fileprivate func withRaw(_ body: (UnsafePointer<dn_comm_request>) -> dn_status) -> dn_status {
        let views = inputs.map { blob in
            dn_bytes(data: blob.start?.assumingMemoryBound(to: UInt8.self), len: UInt64(blob.count))
        }
        return views.withUnsafeBufferPointer { views in
            guard let base = views.baseAddress else { return DN_MISUSE }
            var raw = dn_comm_request(
                struct_size: UInt32(MemoryLayout<dn_comm_request>.size), protocol: UInt32(`protocol`),
                signature: UInt32(signature), input_count: UInt32(views.count), inputs: base, token: token,
                deadline: deadline, max_response: maxResponse)
            return body(&raw)
        }
    }
}

/// The end of one request.
public struct CommCompletion: Sendable {
    public let token: UInt64
    /// One for each output set of the signature; their storage returns the loan to the plugin.
    public let outputs: [Blob]
    /// Nil when an answer came, whatever the protocol's own status says.
    public let failure: Failure?
    /// The request surely did not leave this machine, so it may be sent again.
    public let wasNotSent: Bool
    public let totalTime: UInt64

    /// The end of a request that the reactor will not end any more; whether it was sent is not known.
    public static func lost(_ token: UInt64, _ failure: Failure) -> CommCompletion {
        CommCompletion(token: token, outputs: [], failure: failure, wasNotSent: false, totalTime: 0)
    }
}

/// Drives requests of one backend on one core; every call but `cancel` and `wake` is serial.
public final class CommReactor: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: callers hold the worker's loop role; cancel and wake are [any-thread] in the ABI.
    public let backend: CommBackend
    /// Readable for epoll(7) whenever `poll` has something to do.
    public let descriptor: Int32
    private let handle: OpaquePointer
    private var lent: [UInt64: [Blob]] = [:]
    private var completions: [dn_completion]
    /// Completions of tokens that are not open: the plugin broke its promise of exactly one.
    public private(set) var unasked = 0

    public init(backend: CommBackend, core: Int32?, maxInflight: Int) throws(Failure) {
        self.backend = backend
        var parameters = dn_reactor_params()
        parameters.struct_size = UInt32(MemoryLayout<dn_reactor_params>.size)
        parameters.core = core ?? -1
        parameters.max_inflight = UInt64(maxInflight)
        var created: OpaquePointer?
        var error = ABI.emptyError()
        let status = backend.slots.reactorCreate(backend.instance.handle, &parameters, &created, &error)
        guard status == DN_OK else { throw ABI.failure(status, error, "plugin \(backend.name): reactor") }
        guard let created else { throw Failure(.internal, "plugin \(backend.name): reactor_create gave no reactor") }
        let descriptor = backend.slots.reactorFd(created)
        guard descriptor >= 0 else {
            backend.slots.reactorDestroy(created)
            throw Failure(.internal, "plugin \(backend.name): reactor_fd gave descriptor \(descriptor)")
        }
        handle = created
        self.descriptor = descriptor
        var empty = dn_completion()
        empty.struct_size = UInt32(MemoryLayout<dn_completion>.size)
        completions = [dn_completion](repeating: empty, count: 32)
    }

    /// Ends the reactor when every request has completed.
    public func destroyIfUnused() -> Bool {
        guard lent.isEmpty else { return false }
        backend.slots.reactorDestroy(handle)
        return true
    }

    public var inFlight: Int { lent.count }

    /// Begins a request; exactly one completion of its token will come from `poll`.
    /// - Throws: `.invalid` with fact `offset`, `.denied`, or `.busy`; no completion follows.
    public func submit(_ request: CommRequest) throws(Failure) {
        var error = ABI.emptyError()
        // SAFETY: the blobs are kept in `lent` until the completion, so the pointers outlive the request.
        let status = request.withRaw { backend.slots.submit(handle, $0, &error) }
        guard status == DN_OK else { throw ABI.failure(status, error, "communication \(backend.name)") }
        lent[request.token] = request.inputs
    }

    /// Drives I/O without waiting and hands every completion to `body`.
    public func poll(_ body: (CommCompletion) -> Void) throws(Failure) {
        var count: UInt64 = 0
        var error = ABI.emptyError()
        repeat {
            let status = completions.withUnsafeMutableBufferPointer { buffer -> dn_status in
                guard let base = buffer.baseAddress else { return DN_MISUSE }
                return backend.slots.poll(handle, 0, base, UInt64(buffer.count), &count, &error)
            }
            guard status == DN_OK else { throw ABI.failure(status, error, "communication \(backend.name)") }
            for index in 0..<min(Int(clamping: count), completions.count) { deliver(completions[index], body) }
        } while count == UInt64(completions.count)
    }

    private func deliver(_ raw: dn_completion, _ body: (CommCompletion) -> Void) {
        guard lent.removeValue(forKey: raw.token) != nil else {
            unasked &+= 1
            return
        }
        let count = raw.outputs == nil ? 0 : Int(raw.output_count)
        // Copied, because the loan can be ended only with the loop role, and consumers end on any thread.
        let outputs = UnsafeBufferPointer(start: raw.outputs, count: count).map { Blob(copying: $0.lent) }
        backend.slots.release(handle, raw.token)
        body(
            CommCompletion(
                token: raw.token, outputs: outputs, failure: failure(of: raw),
                wasNotSent: raw.effect == DN_EFFECT_NOT_SENT, totalTime: raw.total_ns))
    }

    private func failure(of raw: dn_completion) -> Failure? {
        let kind: Failure.Kind
        let reason: String
        switch raw.outcome {
        case DN_COMM_OK: return nil
        case DN_COMM_BAD_INPUT: (kind, reason) = (.invalid, "bad-input")
        case DN_COMM_DENIED: (kind, reason) = (.denied, "denied")
        case DN_COMM_RESOLVE: (kind, reason) = (.upstream, "resolve")
        case DN_COMM_CONNECT: (kind, reason) = (.upstream, "connect")
        case DN_COMM_TLS: (kind, reason) = (.upstream, "tls")
        case DN_COMM_PROTOCOL: (kind, reason) = (.upstream, "protocol")
        case DN_COMM_RESET: (kind, reason) = (.upstream, "reset")
        case DN_COMM_TOO_LARGE: (kind, reason) = (.upstream, "too-large")
        case DN_COMM_DEADLINE: (kind, reason) = (.deadline, "deadline")
        case DN_COMM_CANCELLED: (kind, reason) = (.cancelled, "cancelled")
        default: (kind, reason) = (.upstream, "other")
        }
        let message = ABI.text(raw.message)
        return Failure(
            kind, "communication \(backend.name): \(message.isEmpty ? reason : message)", [.init("reason", reason)])
    }

    /// Asks for an early end; the completion still comes. Any thread.
    public func cancel(_ token: UInt64) { backend.slots.cancel(handle, token) }

    /// Any thread.
    public func wake() { backend.slots.wake(handle) }
}

/// The required slots of dn_comm, checked once.
struct CommSlots {
    typealias Error = UnsafeMutablePointer<dn_error>
    let protocols:
        @convention(c) (
            OpaquePointer, UnsafeMutablePointer<UnsafePointer<dn_comm_protocol>?>, UnsafeMutablePointer<UInt64>, Error
        ) -> dn_status
    let validate:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_comm_request>, UnsafeMutablePointer<dn_request_info>, Error
        ) -> dn_status
    let reactorCreate:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_reactor_params>, UnsafeMutablePointer<OpaquePointer?>, Error
        ) -> dn_status
    let reactorDestroy: @convention(c) (OpaquePointer) -> Void
    let reactorFd: @convention(c) (OpaquePointer) -> Int32
    let submit: @convention(c) (OpaquePointer, UnsafePointer<dn_comm_request>, Error) -> dn_status
    let poll:
        @convention(c) (
            OpaquePointer, UInt64, UnsafeMutablePointer<dn_completion>, UInt64, UnsafeMutablePointer<UInt64>, Error
        ) -> dn_status
    let wake: @convention(c) (OpaquePointer) -> Void
    let cancel: @convention(c) (OpaquePointer, UInt64) -> Void
    let release: @convention(c) (OpaquePointer, UInt64) -> Void

    init(_ table: dn_comm, _ what: String) throws(Failure) {
        guard let protocols = table.protocols, let validate = table.validate, let reactorCreate = table.reactor_create,
            let reactorDestroy = table.reactor_destroy, let reactorFd = table.reactor_fd, let submit = table.submit,
            let poll = table.poll, let wake = table.wake, let cancel = table.cancel, let release = table.release
        else {
            let missing = [
                ("protocols", table.protocols == nil), ("validate", table.validate == nil),
                ("reactor_create", table.reactor_create == nil), ("reactor_destroy", table.reactor_destroy == nil),
                ("reactor_fd", table.reactor_fd == nil), ("submit", table.submit == nil), ("poll", table.poll == nil),
                ("wake", table.wake == nil), ("cancel", table.cancel == nil), ("release", table.release == nil),
            ].filter(\.1).map(\.0)
            throw Failure(.unavailable, "\(what): \(DN_COMM_1) lacks \(missing.joined(separator: ", "))")
        }
        self.protocols = protocols
        self.validate = validate
        self.reactorCreate = reactorCreate
        self.reactorDestroy = reactorDestroy
        self.reactorFd = reactorFd
        self.submit = submit
        self.poll = poll
        self.wake = wake
        self.cancel = cancel
        self.release = release
    }
}
