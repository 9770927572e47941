internal import Config
internal import Durable
internal import Engines
internal import Failure
internal import Items
internal import Memory

/// `/v1/payloads/NAME`: between nodes only, what durable invocations of a fleet take and give that is too long for its engine.
extension Router {
    func payload(_ name: String, _ request: Request, on worker: Worker) throws(Problem) {
        guard settings.fleet != nil else { throw .noRoute }
        let durable = try durable()
        let account = pool.budget.own
        switch request.head.method {
        case .get, .head:
            let range = request.head.value("range").map(\.text)
            offload(request.exchange, on: worker) { () throws(Problem) in
                let whole: Blob?
                do throws(Failure) { whole = try durable.payload(name, account) } catch { throw Problem(error) }
                guard let whole else {
                    throw Problem(Failure(.notFound, "this node keeps no payload '\(name.prefix(200))'"))
                }
                return try Self.give(whole, range)
            }
        case .put:
            let given = try Query.parameters(request.head.queryBytes, known: ["size", "digest", "from"])
            guard let size = given["size"].flatMap({ Int($0) }), size >= 0, size <= Int(durable.settings.maxPayload)
            else {
                throw .malformed("parameter size must be bytes, \(durable.settings.maxPayload) at most (max_payload)")
            }
            guard let digest = given["digest"], let node = given["from"] else {
                throw .malformed("parameters digest and from must say what is to be fetched, and where")
            }
            offload(request.exchange, on: worker) { () throws(Problem) in
                do throws(Failure) {
                    try durable.copyPayload(name, size: size, digest: digest, from: node, account)
                } catch { throw Problem(error) }
                return Response(.created)
            }
        default: throw .methodNotAllowed("GET, HEAD, PUT")
        }
    }
}
