internal import Config
internal import Dispatcher
internal import Durable
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import Values

/// Invocations that outlive the request: accepting them, and `/v1/invocations`.
extension Router {
    /// Nanoseconds for which a request with a key and no time of its own waits for the result.
    private static let longestAnswer: UInt64 = 600_000_000_000

    /// Keeps an invocation, then answers: at once, or with its result.
    func keep(
        _ order: InvocationOrder, _ input: DurableInput, _ terms: DurableTerms, accept: [UInt8]?,
        for exchange: Exchange, on worker: Worker
    ) throws(Problem) {
        let durable = try durable()
        durable.accept(
            order, input.kept, input.sets.sets, charge: input.sets.charge, key: input.key, on: worker
        ) { [self] result in
            switch result {
            case .failure(let failure): exchange.fail(Problem(failure))
            case .success(.keyTaken(let id)): exchange.fail(.keyTaken(id))
            case .success(.new(let id)), .success(.known(let id)):
                let wish = AwaitedReply(id: id, owner: order.owner, terms: terms, accept: accept)
                if terms.isAsync, terms.wait == nil { return exchange.respond(.accepted(id)) }
                let time = terms.isAsync ? terms.wait ?? 0 : order.time == 0 ? Self.longestAnswer : order.time
                let (deadline, overflow) = Clock.now().addingReportingOverflow(time)
                durable.whenEnded(id, of: order.owner, until: overflow ? .max : deadline, on: worker) { [self] in
                    reply(wish, durable, exchange, worker)
                }
            }
        }
    }

    private struct AwaitedReply: Sendable {
        let id: InvocationID
        let owner: InvocationOwner
        let terms: DurableTerms
        let accept: [UInt8]?
    }

    /// The answer that the request would have had without a key, if the invocation has ended.
    private func reply(_ wish: AwaitedReply, _ durable: DurableInvocations, _ exchange: Exchange, _ worker: Worker) {
        durable.find(wish.id, of: wish.owner) { [self] found in
            let record: InvocationRecord
            do throws(Failure) { record = try found.get() } catch {
                // The key is known longer than the result is kept.
                let problem = error.kind == .notFound ? .resultGone(wish.id) : Problem(error)
                return worker.loop.post { exchange.fail(problem) }
            }
            guard !record.state.isOpen else {
                let response: Response =
                    wish.terms.isAsync ? .accepted(wish.id) : .late(wish.id, isStopping: durable.isStopping)
                return worker.loop.post { exchange.respond(response) }
            }
            answer(record, accept: wish.accept, durable, exchange, worker)
        }
    }

    /// Answers as if the invocation had just ended. On any thread.
    func answer(
        _ record: InvocationRecord, accept: [UInt8]?, _ durable: DurableInvocations, _ exchange: Exchange,
        _ worker: Worker
    ) {
        guard record.state == .done else {
            let failure = record.failure ?? Failure(.internal, "the invocation \(record.id) is \(record.state.name)")
            return worker.loop.post { exchange.fail(Problem(failure), record.timeline) }
        }
        let account = pool.budget.account(named: record.order.tenant)
        durable.result(of: record, account) { result in
            defer { account.close() }
            let response: Result<Response, Problem>
            do {
                var whole = try OutputReply(record, try result.get(), accept: accept).response(account)
                whole.fields.append(.init(name: "location", value: record.id.path))
                response = .success(whole)
            } catch let problem as Problem {
                response = .failure(problem)
            } catch {
                response = .failure(Problem((error as? Failure) ?? Failure(.internal, "\(error)")))
            }
            worker.loop.post { exchange.end(response) }
        }
    }

    /// Looks for an invocation in the fleet, then among those that this node has kept by itself: of before it was of the fleet, and
    /// of schedules. `completion` is called on some thread.
    func find(
        _ id: InvocationID, of owner: InvocationOwner, in durable: DurableInvocations,
        _ completion: @escaping @Sendable (Result<Found, Failure>) -> Void
    ) {
        let own = settings.ownDurable
        durable.find(id, of: owner) { found in
            if let own, own !== durable, case .failure(let failure) = found, failure.kind == .notFound {
                return own.find(id, of: owner) { completion($0.map { Found(record: $0, desk: own) }) }
            }
            completion(found.map { Found(record: $0, desk: durable) })
        }
    }

    struct Found: Sendable {
        let record: InvocationRecord
        /// Who keeps it.
        let desk: DurableInvocations
    }

    /// Where schedules are: each is one node's.
    func ownDurable() throws(Problem) -> DurableInvocations {
        guard let own = settings.ownDurable else { return try durable() }
        return own
    }

    func durable() throws(Problem) -> DurableInvocations {
        guard let durable = settings.durable else {
            throw Problem(Failure(.unavailable, "this node's configuration has no durable invocations ([durable])"))
        }
        return durable
    }
}

extension InvocationID {
    var path: String { "/v1/invocations/\(self)" }
}

extension Exchange {
    func end(_ result: Result<Response, Problem>) {
        switch result {
        case .success(let response): respond(response)
        case .failure(let problem): fail(problem)
        }
    }
}

extension OutputReply {
    /// What was kept of an invocation that is done.
    fileprivate init(_ record: InvocationRecord, _ sets: [ItemSet], accept: [UInt8]?) {
        self.init(sets, record.exitCode, record.timeline, accept: accept)
    }
}

extension Response {
    /// An invocation is kept, and has not ended.
    static func accepted(_ id: InvocationID) -> Response {
        var json = JSONWriter()
        json.object { json in
            json.member("id", "\(id)")
            json.member("location", id.path)
        }
        var response = Response.json(json, .accepted)
        response.fields = [
            Field(name: "location", value: id.path), Field(name: "preference-applied", value: "respond-async"),
        ]
        return response
    }

    /// The caller has waited long enough, or the node has no more time.
    fileprivate static func late(_ id: InvocationID, isStopping: Bool) -> Response {
        let problem =
            isStopping
            ? Problem(
                .serviceUnavailable, "unavailable", "the node is stopping; the invocation goes on when it is back")
            : Problem(.gatewayTimeout, "deadline", "the invocation goes on, and has no result yet")
        var response = Response(problem, instance: id.path)
        response.fields.append(Field(name: "location", value: id.path))
        return response
    }
}

extension Problem {
    fileprivate static func keyTaken(_ id: InvocationID) -> Problem {
        Problem(
            .unprocessableContent, "keyTaken", "the Idempotency-Key was used for another request before",
            [.init("invocation", "\(id)")])
    }

    fileprivate static func resultGone(_ id: InvocationID) -> Problem {
        Problem(
            .conflict, "conflict", "the invocation of this Idempotency-Key has ended; its result is not kept any more",
            [.init("invocation", "\(id)")])
    }
}
