internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Registry
internal import Telemetry
internal import Traces

/// What an invocation asks communication backends for, each request repeated where that is safe.
final class Transfers {
    private unowned let invocation: Invocation
    /// Requests at once: a reactor takes some thousands of all invocations.
    private static let mostAtOnce = 256
    private static let maxAttempts = 3
    private static let repeated = Metrics.shared.cell(
        "dandelion_repeated_requests_total", "Requests of communication functions that were made again.")
    /// Before the second attempt, ns; twice that before the third.
    private static let firstPause: UInt64 = 50_000_000

    private let window: Window
    private var running: [UInt64: Attempt] = [:]
    /// There was no room for their answers, or no place in a reactor: they go when one of those under way has ended.
    private var waiting: [Sending] = []
    private var lastID: UInt64 = 0
    /// Requests that were made, repetitions included.
    private(set) var requests = 0
    /// Sum of their durations, ns.
    private(set) var time: UInt64 = 0

    /// One request under way, or pausing before it is repeated.
    private enum Attempt {
        case running(CommPort, token: UInt64)
        case pausing(LoopTimer)
    }

    init(of invocation: Invocation) {
        self.invocation = invocation
        window = Window(of: invocation)
    }

    /// Ends whatever is under way.
    func cancel() {
        window.close()
        for attempt in running.values {
            switch attempt {
            case .running(let port, let token): port.cancel(token)
            case .pausing(let timer): timer.cancel()
            }
        }
        running = [:]
        waiting = []
    }

    /// One request for each item of the first set, with the items at its place in the others.
    /// - Parameter place: of the call, where there is a journal.
    func start(
        _ function: CommFunction, _ variant: Int, _ inputs: [ItemSet], at place: String?,
        _ done: @escaping (Result<[ItemSet], Failure>) -> Void
    ) {
        let outputCount = function.signatures[variant].outputs.count
        let items = inputs.first?.items ?? []
        // As in the original, replies travel in a set named like the one that held the requests.
        let name = inputs.first?.name ?? .empty
        guard !items.isEmpty else {
            return done(.success((0..<outputCount).map { _ in ItemSet(name: name) }))
        }
        do { try invocation.take(requests: items.count, of: function.name) } catch { return done(.failure(error)) }
        let gathered = Gathered(count: items.count)
        window.add(
            FanOut(count: items.count, limit: Self.mostAtOnce) { [unowned self] index, fanOut in
                let item = items[index]
                let parts = function.signatures[variant].inputs.indices.map { set in
                    set < inputs.count && index < inputs[set].items.count ? inputs[set].items[index].data : .empty
                }
                let invocation = invocation
                let step = place.map { (place: "\($0)#\(index)", item: item.ident.text) }
                send(function, variant, parts, step) { [unowned self] result in
                    switch result {
                    case .failure(var failure):
                        failure.detail += " (item '\(item.ident.text)' of set '\(name.text)')"
                        failure.facts.append(.init("item", item.ident.text))
                        done(.failure(failure))
                    case .success(let outputs):
                        if gathered.add(outputs, at: index) {
                            done(.success(gathered.sets(outputCount, of: items, named: name)))
                        }
                    }
                    withExtendedLifetime(invocation) { window.ended(fanOut) }
                }
            })
    }

    private final class Gathered {
        private var replies: [[Blob]]
        private var missing: Int

        init(count: Int) {
            replies = Array(repeating: [], count: count)
            missing = count
        }

        /// True when this was the last.
        func add(_ reply: [Blob], at index: Int) -> Bool {
            replies[index] = reply
            missing -= 1
            return missing == 0
        }

        func sets(_ count: Int, of items: [Item], named name: Blob) -> [ItemSet] {
            (0..<count).map { output in
                ItemSet(
                    name: name,
                    items: zip(items, replies).map { item, reply in
                        Item(ident: item.ident, key: item.key, data: output < reply.count ? reply[output] : .empty)
                    })
            }
        }
    }

    // MARK: One request

    private func send(
        _ function: CommFunction, _ variant: Int, _ inputs: [Blob], _ step: (place: String, item: String)?,
        _ done: @escaping (Result<[Blob], Failure>) -> Void
    ) {
        lastID += 1
        let limit = Clock.now() &+ function.timeout
        let deadline = invocation.request.deadline
        let sending = Sending(
            id: lastID, function: function, variant: variant, inputs: inputs,
            deadline: deadline == 0 ? limit : min(limit, deadline)
        ) { ending in
            done(ending.result)
        }
        guard let step, let journal = invocation.request.journal else { return attempt(sending, number: 1) }
        send(sending, step, journal, done)
    }

    /// As the journal says, which has each end before anything else does.
    private func send(
        _ sending: Sending, _ at: (place: String, item: String), _ journal: any TransferJournal,
        _ done: @escaping (Result<[Blob], Failure>) -> Void
    ) {
        // Whoever waits for the journal keeps the invocation.
        let invocation = invocation
        let step = TransferStep(
            place: at.place, function: sending.function.name, item: at.item, inputs: sending.inputs,
            isRepeatable: isRepeatable(sending))
        var told = sending
        told.done = { ending in
            journal.settle(step, ending.outcome) { failure in
                if !invocation.isFinished { done(failure.map { .failure($0) } ?? ending.result) }
            }
        }
        journal.plan(step) { plan in
            guard !invocation.isFinished else { return }
            switch plan {
            case .make: self.attempt(told, number: 1)
            case .known(let outputs): done(.success(outputs))
            case .refuse(let failure): done(.failure(failure))
            }
        }
    }

    private func isRepeatable(_ sending: Sending) -> Bool {
        guard let port = try? invocation.worker.port(for: sending.function.backend) else { return false }
        return port.isIdempotent(
            protocol: sending.function.protocolIndex, signature: sending.variant, inputs: sending.inputs)
    }

    /// How a request ended.
    private struct Ending {
        let result: Result<[Blob], Failure>
        /// It surely did not leave this machine.
        var wasNotMade = false

        var outcome: TransferOutcome {
            switch result {
            case .success(let outputs): .answered(outputs)
            // The backend has looked at these, and no more.
            case .failure(let failure):
                wasNotMade || failure.kind == .invalid || failure.kind == .denied ? .notMade : .unknown(failure)
            }
        }
    }

    private struct Sending {
        let id: UInt64
        let function: CommFunction
        let variant: Int
        let inputs: [Blob]
        /// CLOCK_MONOTONIC ns.
        let deadline: UInt64
        var done: (Ending) -> Void
    }

    private func attempt(_ sending: Sending, number: Int) {
        // Whoever waits for the completion keeps the invocation.
        let invocation = invocation
        do {
            let port = try invocation.worker.port(for: sending.function.backend)
            let begun = Clock.now()
            var hasEnded = false
            let trace = invocation.request.trace
            let passed = trace?.passOn()
            let token = try port.submit(
                protocol: sending.function.protocolIndex, signature: sending.variant, inputs: sending.inputs,
                deadline: sending.deadline, maxResponse: sending.function.maxResponse,
                account: invocation.tenant.memory, caller: try caller(sending.function),
                trace: passed.map { ($0.parent, $0.state) }
            ) { completion in
                hasEnded = true
                guard !invocation.isFinished else { return }
                if let trace, let passed, trace.isRecorded {
                    let target = port.target(
                        protocol: sending.function.protocolIndex, signature: sending.variant, inputs: sending.inputs)
                    trace.add(
                        OutgoingRequest(
                            span: passed.span, function: sending.function.name,
                            protocolName: sending.function.backend.protocols[sending.function.protocolIndex].name,
                            target: target, begun: begun,
                            ended: Clock.now(), status: completion.protocolStatus,
                            failure: completion.failure?.reason))
                }
                self.time &+= Clock.now() &- begun
                self.requests += 1
                self.running[sending.id] = nil
                defer { self.goOn() }
                guard let failure = completion.failure else {
                    invocation.hasProgress = true
                    return sending.done(Ending(result: .success(completion.outputs)))
                }
                let isSafe = completion.wasNotSent || self.isRepeatable(sending)
                guard isSafe, failure.mayPass, self.pause(before: sending, number: number + 1) else {
                    return sending.done(Ending(result: .failure(failure), wasNotMade: completion.wasNotSent))
                }
            }
            invocation.tenant.requested(sending: sending.inputs.reduce(0) { $0 + $1.count })
            if !hasEnded { running[sending.id] = .running(port, token: token) }
        } catch {
            // Nothing was sent; a reactor or account that is full has room later.
            let ending = Ending(result: .failure(error), wasNotMade: true)
            guard error.kind == .busy else { return sending.done(ending) }
            if hasSent { return waiting.append(sending) }
            if !pause(before: sending, number: number + 1) { sending.done(ending) }
        }
    }

    /// On whose behalf, for plugins that ask.
    /// - Throws: `.denied` when the operator bounds the requests, and the plugin does not ask where they may go.
    private func caller(_ function: CommFunction) throws(Failure) -> UInt64 {
        let (number, isBounded) = Egress.shared.caller(tenant: invocation.space.name, function: function.name)
        guard isBounded, !function.backend.instance.asksWhere else { return number }
        throw Failure(
            .denied,
            "the config bounds where requests of '\(function.name)' may go, and its plugin does not ask",
            [.init("function", function.name)])
    }

    private var hasSent: Bool {
        running.values.contains { if case .running = $0 { true } else { false } }
    }

    /// Sends what waits for others to end, as far as there is room now.
    private func goOn() {
        guard !invocation.isFinished else { return }
        let waited = waiting
        waiting = []
        for (place, sending) in waited.enumerated() {
            attempt(sending, number: 1)
            guard waiting.isEmpty else {
                waiting += waited[(place + 1)...]
                return
            }
        }
    }

    /// Has the request sent once more after a pause; false when it is not worth it.
    private func pause(before sending: Sending, number: Int) -> Bool {
        // Half of it at random, so that those that failed together do not come again together.
        let pause = Self.firstPause << UInt64(number - 2)
        let due = Clock.now() &+ pause / 2 &+ UInt64.random(in: 0...pause / 2)
        guard number <= Self.maxAttempts, due < sending.deadline else { return false }
        let invocation = invocation
        let timer = invocation.worker.loop.schedule(at: due) {
            guard !invocation.isFinished else { return }
            self.running[sending.id] = nil
            Self.repeated.add()
            self.attempt(sending, number: number)
        }
        running[sending.id] = .pausing(timer)
        return true
    }
}

extension Failure {
    /// The plugin's word for what went wrong.
    fileprivate var reason: String { facts.first { $0.name == "reason" }?.value ?? kind.rawValue }

    /// Of a kind that another attempt may not meet.
    fileprivate var mayPass: Bool {
        ["connect", "reset", "resolve"].contains { facts.contains(.init("reason", $0)) }
    }
}
