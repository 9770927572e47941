public import Failure
public import Items
public import Memory
internal import CPlatform
internal import Platform
public import PluginHost
internal import Telemetry

/// A worker's way to one communication backend: a communication engine with many requests in flight.
public final class CommPort: EventSource {
    let reactor: CommReactor
    private let worker: Worker
    private var waiting: [UInt64: (CommCompletion) -> Void] = [:]
    private var lastToken: UInt64 = 0
    /// Events since the last request came, while none waited.
    private var uselessWakes = 0
    private static let maxInflight = 4096
    /// Copy long answers, so that the loop does not.
    private static let copiers = HelperThreads(count: 2)
    /// A backend has some for connections that it keeps; one whose descriptor stays readable must not keep a core busy.
    private static let mostUselessWakes = 10_000

    init(backend: CommBackend, worker: Worker) throws(Failure) {
        reactor = try CommReactor(backend: backend, core: worker.core, maxInflight: Self.maxInflight)
        self.worker = worker
        super.init(descriptor: reactor.descriptor, work: .communication)
        reactor.elsewhere = Elsewhere(
            work: { [loop = worker.loop] work, next in
                Self.copiers.submit {
                    work()
                    loop.post {
                        loop.begins(.communication)
                        next()
                    }
                }
            },
            told: { [weak self] in self?.complete($0) })
        do { try worker.loop.add(self, events: EPOLLIN.rawValue) } catch {
            _ = reactor.destroyIfUnused()
            throw Failure(.internal, "communication \(backend.name): \(error)")
        }
    }

    /// Begins a request; `completion` is called once on the worker's loop, unless this throws.
    public func submit(
        protocol index: Int, signature: Int, inputs: [Blob], deadline: UInt64, maxResponse: UInt64,
        account: MemoryAccount, caller: UInt64 = 0, trace: (parent: String, state: String)? = nil,
        completion: @escaping (CommCompletion) -> Void
    ) throws(Failure) -> UInt64 {
        lastToken += 1
        try reactor.submit(
            CommRequest(
                token: lastToken, protocol: index, signature: signature, inputs: inputs, deadline: deadline,
                maxResponse: maxResponse, account: account, caller: caller, trace: trace))
        waiting[lastToken] = completion
        if uselessWakes >= Self.mostUselessWakes { watch(EPOLLIN.rawValue) }
        uselessWakes = 0
        return lastToken
    }

    /// Whether the request may be made twice, as far as the backend can tell.
    public func isIdempotent(protocol index: Int, signature: Int, inputs: [Blob]) -> Bool {
        reactor.backend.isIdempotent(question(index, signature, inputs))
    }

    /// The backend's words for a request.
    public func target(protocol index: Int, signature: Int, inputs: [Blob]) -> String {
        reactor.backend.target(of: question(index, signature, inputs))
    }

    private func question(_ index: Int, _ signature: Int, _ inputs: [Blob]) -> CommRequest {
        CommRequest(
            token: 0, protocol: index, signature: signature, inputs: inputs, deadline: 0, maxResponse: 0,
            account: worker.pool.budget.own)
    }

    public func cancel(_ token: UInt64) { reactor.cancel(token) }

    public override func ready(_ events: UInt32) {
        if waiting.isEmpty { noteUselessWake() }
        do {
            try reactor.poll { complete($0) }
        } catch {
            fail(error)
        }
    }

    private func complete(_ completion: CommCompletion) {
        waiting.removeValue(forKey: completion.token)?(completion)
    }

    private func noteUselessWake() {
        uselessWakes += 1
        guard uselessWakes == Self.mostUselessWakes else { return }
        let name = reactor.backend.name
        Log.warning(
            "communication \(name): its descriptor stays readable without requests; watched again with the next")
        watch(0)
    }

    private func watch(_ events: UInt32) {
        do { try worker.loop.modify(self, events: events) } catch { Log.error("communication port: \(error)") }
    }

    /// What cannot be polled completes nothing any more: its requests end here, and the next ones get a new reactor.
    private func fail(_ failure: Failure) {
        Log.error("\(failure.detail); giving the reactor up with \(waiting.count) requests")
        worker.loop.remove(self)
        worker.giveUp(self)
        let lost = waiting
        waiting = [:]
        for (token, completion) in lost { completion(.lost(token, failure)) }
    }

    /// Ends the reactor if no request is in flight. On the loop.
    func endIfUnused() -> Bool {
        guard waiting.isEmpty, reactor.inFlight == 0 else { return false }
        worker.loop.remove(self)
        return reactor.destroyIfUnused()
    }

    /// Cancels what is left and ends the reactor. No loop turns any more.
    func shutDown() {
        worker.loop.remove(self)
        for token in waiting.keys { reactor.cancel(token) }
        for _ in 0..<1000 where !waiting.isEmpty {
            ready(0)
            reactor.settleCopied()
            Sleep.milliseconds(1)
        }
        if !reactor.destroyIfUnused() { Log.error("communication \(reactor.backend.name): requests did not end") }
    }
}
