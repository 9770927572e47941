internal import Composition
internal import Config
internal import Engines
internal import Failure
internal import Fleet
internal import Items
internal import Memory
internal import Platform
internal import Registry
internal import Values

/// What another node needs to answer a request in this one's place, and what this one must know to let it.
struct Passage: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; on one worker's loop.
    /// Path and query.
    let target: String
    let fields: [(String, String)]
    let body: Blob
    /// What is invoked; nil: the body says it.
    let name: String?
    let space: String
    let tenant: Tenant
    /// CLOCK_MONOTONIC ns; 0 = none.
    let deadline: UInt64
    /// It is registered here.
    let isHere: Bool
    /// It may run twice: nothing outside can tell.
    let isPure: Bool
    /// Runs it here after all.
    let here: () throws(Problem) -> Void
    let exchange: Exchange

    /// Fields of a request that mean something to whoever runs it.
    private static let passed: [StaticString] = [
        "content-type", "accept", "authorization", "dandelion-tenant", "traceparent", "tracestate",
    ]

    init(
        _ request: Request, name: String?, entry: CatalogueEntry?, space: String, tenant: Tenant, deadline: UInt64,
        exchange: Exchange, here: @escaping () throws(Problem) -> Void
    ) {
        let head = request.head
        target = head.bytes(head.path).text + (head.query.isEmpty ? "" : "?\(head.queryBytes.text)")
        let shown = Self.passed.compactMap { name in head.value(name).map { ("\(name)", $0.text) } }
        // One name for the request in both nodes' logs.
        fields = shown + (head.idText.map { [("x-request-id", $0)] } ?? [])
        body = request.body
        (self.name, self.space, self.tenant, self.deadline) = (name, space, tenant, deadline)
        isHere = name == nil || entry != nil
        if case .function? = entry { isPure = true } else { isPure = false }
        (self.exchange, self.here) = (exchange, here)
    }

    /// With what is left of the time that the client gives.
    var fieldsNow: [(String, String)] {
        guard deadline != 0 else { return fields }
        let now = Clock.now()
        return fields + [("dandelion-timeout", "\(deadline > now ? max(1, (deadline - now) / 1_000) : 1)us")]
    }
}

extension Router {
    /// This node's fleet, unless another node has passed the request on: then it is answered here, whatever there is to do.
    func fleet(for request: Request) -> Fleet? {
        guard let fleet = settings.fleet?.current else { return nil }
        guard request.head.value("dandelion-forwarded") != nil else { return fleet }
        fleet.noteTaken()
        return nil
    }

    /// Where an answer says which node gave it.
    func named(_ exchange: Exchange, _ head: RequestHead) -> Exchange {
        guard let fleet = settings.fleet?.current else { return exchange }
        var named = exchange
        let isPassedOn = head.value("dandelion-forwarded") != nil
        named.node = ServingNode(address: fleet.address, load: isPassedOn ? fleet.waitForPeers : nil)
        return named
    }

    /// Has another node answer, if one should; else, or when that fails and nothing has happened, it is for this one.
    /// - Returns: false: run it here.
    func passOn(_ passage: Passage, _ fleet: Fleet, on worker: Worker, attempt: Int = 1) throws(Problem) -> Bool {
        let wait = fleet.wait(behind: pool.expectedWait(of: passage.tenant))
        guard attempt <= Self.mostPasses,
            let peer = fleet.place(of: passage.name, in: passage.space, isHere: passage.isHere, wait: wait)
        else { return false }
        do throws(Failure) {
            try fleet.pass(
                passage.target, passage.fieldsNow, body: passage.body, to: peer, deadline: passage.deadline,
                passage.tenant.memory, on: worker
            ) { [self] result in
                let problem: Problem
                switch result {
                case .success(let answer):
                    // It could not take the request, so nothing has happened there.
                    let isRefused = answer.status == 429 || answer.status == 503
                    guard isRefused, attempt < Self.mostPasses else {
                        return passage.exchange.respond(Response(passedOn: answer, by: peer.address))
                    }
                    peer.avoid()
                    problem = Problem(Failure(.busy, "the other nodes have too much to do"))
                case .failure(let failed):
                    guard failed.wasNotSent || passage.isPure, failed.failure.kind != .deadline else {
                        return passage.exchange.fail(Self.problem(failed.failure, peer))
                    }
                    problem = Problem(
                        Failure(.unavailable, "no node that can run this answers: \(failed.failure.detail)"))
                }
                runAfter(passage, fleet, worker, attempt, else: problem)
            }
            return true
        } catch { throw Problem(error) }
    }

    private static func problem(_ failure: Failure, _ peer: Peer) -> Problem {
        guard failure.kind == .cancelled else { return Problem(failure) }
        return Problem(
            Failure(.upstream, "\(peer.address), to which this was passed on, fell silent: it may have run, or not"))
    }

    private func runAfter(
        _ passage: Passage, _ fleet: Fleet, _ worker: Worker, _ attempt: Int, else problem: Problem
    ) {
        do throws(Problem) {
            if try passOn(passage, fleet, on: worker, attempt: attempt + 1) { return }
            guard passage.isHere else { return passage.exchange.fail(problem) }
            try passage.here()
        } catch {
            passage.exchange.fail(error)
        }
    }

    private static let mostPasses = 3

    /// `GET /v1/nodes`
    func nodes(_ request: Request, on worker: Worker) throws(Problem) {
        guard let fleet = settings.fleet?.current else {
            throw Problem(
                Failure(.notFound, "this node is of no fleet: its config has no [fleet], or its plugin is unavailable"))
        }
        try request.allow([.get, .head], "GET, HEAD")
        request.exchange.respond(.json(.nodes(fleet)))
    }

    /// `GET /v1/contents/DIGEST`: what another node needs to run a function; a part, if the field Range wants one.
    func content(_ digest: String, _ request: Request, on worker: Worker) throws(Problem) {
        guard settings.fleet != nil else { throw .noRoute }
        try request.allow([.get, .head], "GET, HEAD")
        let range = request.head.value("range").map(\.text)
        let account = pool.budget.own
        offload(request.exchange, on: worker) { [catalogue] () throws(Problem) in
            let whole: Blob
            do throws(Failure) { whole = try catalogue.content(digest, account) } catch { throw Problem(error) }
            return try Self.give(whole, range)
        }
    }

    /// The whole, or the part that the field Range wants.
    static func give(_ whole: Blob, _ range: String?) throws(Problem) -> Response {
        guard let range else { return Response(.ok, contentType: "application/octet-stream", .blob(whole)) }
        guard let part = part(range, of: whole.count) else {
            throw Problem(.rangeNotSatisfiable, "invalid", "Range '\(range)' is not bytes=FIRST-LAST within it")
        }
        var response = Response(.partialContent, contentType: "application/octet-stream", .blob(whole.slice(part)))
        let said = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(whole.count)"
        response.fields.append(.init(name: "content-range", value: said))
        return response
    }

    /// `bytes=FIRST-LAST` of so many.
    private static func part(_ range: String, of count: Int) -> Range<Int>? {
        guard range.hasPrefix("bytes=") else { return nil }
        let ends = range.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]), first >= 0, first <= last,
            first < count
        else { return nil }
        return first..<min(last, count - 1) + 1
    }
}

/// Which node an answer comes from.
final class ServingNode: Sendable {
    let address: String
    /// For other nodes: how long requests wait there now, us.
    let load: String?

    init(address: String, load: String?) { (self.address, self.load) = (address, load) }
}

extension Response {
    mutating func add(_ node: ServingNode) {
        fields.append(Field(name: "dandelion-node", value: node.address))
        if let load = node.load { fields.append(Field(name: "dandelion-load", value: load)) }
    }

    /// Another node's answer, as it came, but for fields that mean this connection.
    fileprivate init(passedOn answer: PeerAnswer, by address: String) {
        guard let code = UInt16(exactly: answer.status), let status = Status(rawValue: code) else {
            let problem = Problem(Failure(.upstream, "\(address) answers with status \(answer.status)"))
            self.init(problem, instance: "")
            return
        }
        self.init(status, .blob(answer.body))
        for name in Self.kept {
            guard let value = answer.field("\(name)") else { continue }
            fields.append(Field(name: name, value: value))
        }
    }

    private static let kept: [StaticString] = [
        "content-type", "server-timing", "dandelion-exit-code", "dandelion-node", "retry-after", "www-authenticate",
        "allow",
    ]
}

extension JSONWriter {
    fileprivate static func nodes(_ fleet: Fleet) -> JSONWriter {
        var json = JSONWriter()
        json.object { json in
            json.member("engine", fleet.isHeard ? "reached" : "out of reach")
            json.name("nodes")
            json.array { json in
                for node in fleet.nodes { json.write(node) }
            }
        }
        return json
    }

    private mutating func write(_ node: Fleet.NodeFacts) {
        object { json in
            json.member("address", node.address)
            json.member("state", node.isDraining ? "draining" : "serving")
            json.member("version", node.version)
            json.member("cores", node.cores)
            json.member("requests", node.requests)
            json.member("wait_us", Int(clamping: node.wait / 1_000))
            json.member("names", node.names)
            json.member("heard_ms", Int(clamping: node.heard / 1_000_000))
            json.name("this")
            json.value(ParsedValue(.boolean(node.isThis)))
        }
    }
}
