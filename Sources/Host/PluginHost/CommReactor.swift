public import Failure
internal import Items
internal import Memory
internal import Platform
internal import PluginABI
internal import Telemetry

/// Drives requests of one backend on one core; every call but `cancel` and `wake` is serial.
public final class CommReactor: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: callers hold the worker's loop role; cancel and wake are [any-thread] in the ABI.
    public let backend: CommBackend
    /// Readable for epoll(7) whenever `poll` has something to do.
    public let descriptor: Int32
    private let handle: OpaquePointer
    private var lent: [UInt64: CommLoan] = [:]
    /// Answers that another thread copies; their loans last meanwhile.
    private var copying: [UInt64: LongAnswer] = [:]
    /// Nil: `poll` copies all answers.
    public var elsewhere: Elsewhere?
    /// Copying more bytes than this would hold up others.
    private static let shortAnswer = 256 << 10
    private var completions: [dn_completion]
    /// The first promise of the ABI that the plugin broke here; nil = none.
    public private(set) var breach: String?
    /// What else is asked of an output's address and length before it is copied; nil = nothing.
    package var inspect: ((UnsafeRawPointer?, Int) -> Bool)?
    /// The descriptor that the plugin tells of now.
    package var descriptorNow: Int32 { backend.slots.reactorFd(handle) }

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
        // Those below are the process's own, whatever they are.
        guard descriptor > 2 else {
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
        let loan = CommLoan(
            request, outputCount: backend.outputCount(of: request), reserved: try backend.reserve(for: request))
        // SAFETY: the loan is kept in `lent` until the completion, so the pointers outlive the request.
        let status = loan.withRaw { backend.slots.submit(handle, $0, &error) }
        guard status == DN_OK else { throw ABI.failure(status, error, "communication \(backend.name)") }
        lent[request.token] = loan
    }

    /// Drives I/O without waiting and hands every completion to `body`, but for those with long answers that are copied `elsewhere`.
    public func poll(_ body: (CommCompletion) -> Void) throws(Failure) {
        var count: UInt64 = 0
        var error = ABI.emptyError()
        repeat {
            count = 0
            let status = completions.withUnsafeMutableBufferPointer { buffer -> dn_status in
                guard let base = buffer.baseAddress else { return DN_MISUSE }
                return backend.slots.poll(handle, 0, base, UInt64(buffer.count), &count, &error)
            }
            guard status == DN_OK else { throw ABI.failure(status, error, "communication \(backend.name)") }
            if count > completions.count {
                note("poll told of \(count) completions, asked for were \(completions.count)")
            }
            for index in 0..<min(Int(clamping: count), completions.count) {
                deliver(completions[index], body)
                // What the plugin did to it is not the next poll's.
                completions[index].struct_size = UInt32(MemoryLayout<dn_completion>.size)
            }
        } while count == UInt64(completions.count)
    }

    private func deliver(_ raw: dn_completion, _ body: (CommCompletion) -> Void) {
        guard let loan = lent[raw.token], copying[raw.token] == nil else {
            return note("a completion came for token \(raw.token), which has no open request")
        }
        let answer = LongAnswer(raw, answer(of: raw, loan), loan.request.account)
        guard answer.count > Self.shortAnswer, let elsewhere else {
            answer.copy()
            return body(end(answer))
        }
        copying[raw.token] = answer
        if !elsewhere.work({ answer.copy() }, { [self] in settle(answer) }) {
            answer.copy()
            settle(answer)
        }
    }

    private func settle(_ answer: LongAnswer) {
        guard answer.isCopied, copying.removeValue(forKey: answer.token) != nil else { return }
        let completion = end(answer)
        elsewhere?.told(completion)
    }

    /// Ends the requests whose answers are copied; for whoever cannot be called by `elsewhere` any more.
    public func settleCopied() {
        for answer in copying.values { settle(answer) }
    }

    private func end(_ answer: LongAnswer) -> CommCompletion {
        let loan = lent.removeValue(forKey: answer.token)
        backend.slots.release(handle, answer.token)
        // What it has reserved covers the plugin's own memory.
        withExtendedLifetime(loan) {}
        return answer.completion
    }

    private func note(_ breach: String) {
        guard self.breach == nil else { return }
        self.breach = breach
        Log.error("plugin \(backend.name) broke a promise of its interface: \(breach)")
    }

    // MARK: What a completion holds

    private func answer(of raw: dn_completion, _ loan: CommLoan) -> Result<[dn_bytes], Failure> {
        if let failure = failure(of: raw) { return .failure(failure) }
        let most = loan.request.maxResponse
        do throws(Breach) { return .success(try outputs(of: raw, loan)) } catch {
            note("request \(raw.token) was completed \(error.what)")
            let what = "communication \(backend.name): its answer cannot be used: it was completed \(error.what)"
            return error.isTooLarge
                ? .failure(Failure(.upstream, what, [.init("reason", "too-large"), .init("limit", "\(most)")]))
                : .failure(Failure(.internal, what, [.init("reason", "plugin")]))
        }
    }

    private struct Breach: Error {
        let what: String
        var isTooLarge = false
    }

    /// The outputs, all of which can be read. Nothing that the plugin says of them is believed: a wrong length must not
    /// take the node.
    private func outputs(of raw: dn_completion, _ loan: CommLoan) throws(Breach) -> [dn_bytes] {
        guard raw.output_count == loan.outputCount else {
            throw Breach(what: "with \(raw.output_count) outputs, its signature has \(loan.outputCount)")
        }
        guard ReadableMemory.holds(raw.outputs, loan.outputCount * MemoryLayout<dn_bytes>.stride) else {
            throw Breach(what: "with outputs at an address that is no memory")
        }
        let table = Array(UnsafeBufferPointer(start: raw.outputs, count: raw.outputs == nil ? 0 : loan.outputCount))
        let most = loan.request.maxResponse == 0 ? UInt64(Int.max) : loan.request.maxResponse
        var left = most
        for (index, output) in table.enumerated() {
            guard output.len <= left else {
                throw Breach(what: "with more than the \(most) bytes that it may have", isTooLarge: true)
            }
            left -= output.len
            guard ReadableMemory.holds(output.data, Int(output.len)) else {
                throw Breach(what: "with output \(index) of \(output.len) bytes, which are not all memory")
            }
            if let inspect, !inspect(output.data, Int(output.len)) {
                throw Breach(what: "with output \(index) of \(output.len) bytes, beyond the block that holds it")
            }
        }
        return table
    }

    private func failure(of raw: dn_completion) -> Failure? {
        let kind: Failure.Kind
        switch raw.outcome {
        case DN_COMM_OK: return nil
        case DN_COMM_BAD_INPUT: kind = .invalid
        case DN_COMM_DENIED: kind = .denied
        case DN_COMM_DEADLINE: kind = .deadline
        case DN_COMM_CANCELLED: kind = .cancelled
        case DN_COMM_NO_MEMORY: kind = .busy
        default: kind = .upstream
        }
        let reason = ABIName.ending(raw.outcome)
        let message = ABI.text(raw.message)
        var facts: [Failure.Fact] = [.init("reason", reason)]
        if raw.protocol_status != 0 { facts.append(.init("protocolStatus", "\(raw.protocol_status)")) }
        return Failure(kind, "communication \(backend.name): \(message.isEmpty ? reason : message)", facts)
    }

    /// Asks for an early end; the completion still comes. Any thread.
    public func cancel(_ token: UInt64) { backend.slots.cancel(handle, token) }

    /// Any thread.
    public func wake() { backend.slots.wake(handle) }
}
