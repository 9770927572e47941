internal import Config
internal import Durable
internal import Engines
internal import Failure
internal import Memory
internal import Platform
internal import Values

/// `/v1/invocations`: what became of invocations that were kept.
extension Router {
    func invocations(_ request: Request, on worker: Worker) throws(Problem) {
        try request.allow([.get, .head], "GET, HEAD")
        let given = try Query.parameters(request.head.queryBytes, known: ["state", "name", "after", "limit"])
        let paging = try ListingPage(given)
        var state: InvocationState?
        if let name = given["state"] {
            state = InvocationState(name: name)
            if state == nil {
                let names = InvocationState.allCases.map(\.name).joined(separator: ", ")
                throw .malformed("parameter state is '\(name)', not one of \(names)")
            }
        }
        var after: InvocationID?
        if let text = paging.after {
            after = InvocationID(text)
            if after == nil { throw .malformed("parameter after is '\(text)', which is no id of an invocation") }
        }
        let page = DurableInvocations.Page(
            owner: try owner(request.head), state: state, name: given["name"], after: after, limit: paging.limit)
        let exchange = request.exchange
        list(page, in: try durable()) { result in
            worker.loop.post {
                exchange.end(
                    result.mapError { Problem($0) }.map { records in
                        var json = JSONWriter()
                        json.object { json in
                            json.page("invocations", records, paging, of: { "\($0.id)" }) { $0.write($1) }
                        }
                        return .json(json)
                    })
            }
        }
    }

    /// Those of the fleet and those that this node keeps by itself.
    private func list(
        _ page: DurableInvocations.Page, in durable: DurableInvocations,
        _ completion: @escaping @Sendable (Result<[InvocationRecord], Failure>) -> Void
    ) {
        guard let own = settings.ownDurable, own !== durable else { return durable.list(page, completion) }
        durable.list(page) { shared in
            own.list(page) { mine in
                do throws(Failure) {
                    let all = try shared.get() + mine.get()
                    completion(.success(Array(all.sorted { $1.id < $0.id }.prefix(page.limit + 1))))
                } catch { completion(.failure(error)) }
            }
        }
    }

    /// - Parameter path: what follows `/v1/invocations/`.
    func invocation(_ path: String, _ request: Request, on worker: Worker) throws(Problem) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let id = InvocationID(String(parts[0])) else { throw .noRoute }
        let (durable, owner, exchange) = (try durable(), try owner(request.head), request.exchange)
        if parts.count == 2 {
            guard parts[1] == "retry" || parts[1] == "resume" else { throw .noRoute }
            try request.allow([.post], "POST")
            if parts[1] == "resume" { return try resume(id, of: owner, durable, request, on: worker) }
            return change(id, of: owner, durable, exchange, worker, by: { $0.retry($1, $2) }) { .accepted(id) }
        }
        switch request.head.method {
        case .get, .head:
            let look = try Look(request)
            show(id, of: owner, look, durable, exchange, worker)
        case .delete:
            change(id, of: owner, durable, exchange, worker, by: { $0.cancel($1, $2) }) { Response(.noContent) }
        default: throw .methodNotAllowed("GET, HEAD, DELETE")
        }
    }

    private typealias Changing =
        @Sendable (
            DurableInvocations, InvocationRecord, @escaping @Sendable (Result<Void, Failure>) -> Void
        ) -> Void

    private func change(
        _ id: InvocationID, of owner: InvocationOwner, _ durable: DurableInvocations, _ exchange: Exchange,
        _ worker: Worker,
        by change: @escaping Changing, answer: @escaping @Sendable () -> Response
    ) {
        find(id, of: owner, in: durable) { found in
            switch found {
            case .failure(let failure): worker.loop.post { exchange.fail(Problem(failure)) }
            case .success(let found):
                change(found.desk, found.record) { result in
                    worker.loop.post { exchange.end(result.mapError { Problem($0) }.map { answer() }) }
                }
            }
        }
    }

    /// How somebody looks at an invocation.
    private struct Look: Sendable {
        /// Nanoseconds to wait for the end.
        let wait: UInt64
        let accept: [UInt8]?
        /// The result by itself is wanted, in one of its formats, not the document about the invocation.
        let wantsResult: Bool

        private static let longest: UInt64 = 3_600_000_000_000

        init(_ request: Request) throws(Problem) {
            let given = try Query.parameters(request.head.queryBytes, known: ["wait"])
            let text = given["wait"] ?? "0s"
            guard let wait = Units.time(text), wait <= Self.longest else {
                throw .malformed("parameter wait is '\(text)', not a time such as 30s, 1h at most")
            }
            self.wait = wait
            accept = request.head.value("accept").map { [UInt8]($0) }
            guard let type = accept.preferred(of: [.json, .raw, .bson, .multipart]) else { throw .notAcceptable }
            wantsResult = type != .json
        }
    }

    private func show(
        _ id: InvocationID, of owner: InvocationOwner, _ look: Look, _ durable: DurableInvocations,
        _ exchange: Exchange,
        _ worker: Worker
    ) {
        find(id, of: owner, in: durable) { [self] found in
            switch found {
            case .failure(let failure): worker.loop.post { exchange.fail(Problem(failure)) }
            case .success(let found):
                let (record, durable) = (found.record, found.desk)
                guard record.state.isOpen, look.wait > 0 else { return show(record, look, durable, exchange, worker) }
                worker.loop.post { [self] in
                    durable.whenEnded(id, of: owner, until: Clock.now() &+ look.wait, on: worker) { [self] in
                        durable.find(id, of: owner) { [self] found in
                            switch found {
                            case .failure(let failure): worker.loop.post { exchange.fail(Problem(failure)) }
                            case .success(let record): show(record, look, durable, exchange, worker)
                            }
                        }
                    }
                }
            }
        }
    }

    /// On any thread but a loop's.
    private func show(
        _ record: InvocationRecord, _ look: Look, _ durable: DurableInvocations, _ exchange: Exchange, _ worker: Worker
    ) {
        if record.state == .uncertain { return showUncertain(record, durable, exchange, worker) }
        guard record.state == .done else {
            var json = JSONWriter()
            json.write(record)
            let response = Response.json(json)
            return worker.loop.post { exchange.respond(response) }
        }
        if look.wantsResult { return answer(record, accept: look.accept, durable, exchange, worker) }
        let account = pool.budget.account(named: record.order.tenant)
        durable.result(of: record, account) { result in
            defer { account.close() }
            let response: Result<Response, Problem>
            do throws(Failure) {
                let sets = try result.get()
                let text = try JSONReply.make(account) { $0.write(record, result: sets) }
                response = .success(Response(.ok, contentType: "application/json", .blob(text)))
            } catch { response = .failure(Problem(error)) }
            worker.loop.post { exchange.end(response) }
        }
    }
}
