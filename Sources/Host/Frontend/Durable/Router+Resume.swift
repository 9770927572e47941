internal import Config
internal import Durable
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Values

/// `POST /v1/invocations/ID/resume`: what became of requests of which the node does not know.
extension Router {
    func resume(
        _ id: InvocationID, of owner: InvocationOwner, _ durable: DurableInvocations, _ request: Request,
        on worker: Worker
    ) throws(Problem) {
        let given = try Query.parameters(request.head.queryBytes, known: ["decision", "request"])
        let decision: Decision
        switch given["decision"] {
        case "repeat":
            guard request.body.count == 0 else { throw .malformed("a request that is repeated has no answer yet") }
            decision = .again
        case "done": decision = .happened(try answer(in: request, durable))
        default: throw .malformed("parameter decision must be repeat or done: whether requests are made again")
        }
        let exchange = request.exchange
        find(id, of: owner, in: durable) { found in
            switch found {
            case .failure(let failure): worker.loop.post { exchange.fail(Problem(failure)) }
            case .success(let found):
                found.desk.decide(found.record, place: given["request"], decision) { result in
                    let response = result.mapError { Problem($0) }.map { left in
                        left == 0 ? Response.accepted(id) : .undecided(left)
                    }
                    worker.loop.post { exchange.end(response) }
                }
            }
        }
    }

    /// The outputs that the request's function would have given, in one of the formats of input sets: by position.
    private func answer(in request: Request, _ durable: DurableInvocations) throws(Problem) -> Blob? {
        guard request.body.count > 0 else { return nil }
        let account = try anyTenant(request.head).memory
        let decoded = try InvocationForm(request, nil, account: account).sets()
        let items = decoded.sets.map { $0.items.first ?? Item(ident: .empty, data: .empty) }
        do throws(Failure) {
            return try StoredSets.encode(
                [ItemSet(name: .empty, items: items)], limit: Int(durable.settings.maxPayload), account)
        } catch { throw Problem(error) }
    }

    /// On any thread but a loop's.
    func showUncertain(
        _ record: InvocationRecord, _ durable: DurableInvocations, _ exchange: Exchange, _ worker: Worker
    ) {
        durable.undecided(of: record.id) { result in
            let response = result.mapError { Problem($0) }.map { undecided in
                var json = JSONWriter()
                json.write(record, undecided: undecided)
                return Response.json(json)
            }
            worker.loop.post { exchange.end(response) }
        }
    }
}

extension Response {
    /// There are more requests to decide on.
    fileprivate static func undecided(_ left: Int) -> Response {
        var json = JSONWriter()
        json.object { $0.member("undecided", left) }
        return .json(json)
    }
}
