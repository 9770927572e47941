internal import Composition
internal import Dispatcher
internal import Engines
internal import Failure
internal import Items
internal import Platform
internal import Registry

/// `POST /v1/invoke/{name}`: input sets and reply in the formats that the request's fields name.
extension Router {
    /// Bodies beyond this are taken apart by a helper thread, and replies beyond it put together by one.
    private static let longText = 64 << 10

    func invokePlain(_ name: String, _ request: Request, on worker: Worker) throws(Problem) {
        let wish = try PlainWish(
            name, request, tenant: try tenant(request.head), deadline: try deadline(request))
        guard let entry = catalogue.entry(named: name) else {
            throw Problem(catalogue.nothing(named: name))
        }
        let form = InvocationForm(request, declared: entry.signature.variants.first?.inputs ?? [])
        let exchange = request.exchange
        guard form.isText, request.body.count > Self.longText else {
            return start(wish, inputs: try form.sets(), exchange, worker)
        }
        try takeApart(for: exchange, on: worker, form.sets) { sets in
            self.start(wish, inputs: sets, exchange, worker)
        }
    }

    private func start(_ wish: PlainWish, inputs: [ItemSet], _ exchange: Exchange, _ worker: Worker) {
        let invocation = InvocationRequest(
            target: .name(wish.name), inputs: inputs, fresh: wish.fresh, deadline: wish.deadline,
            className: wish.className, tenant: wish.tenant)
        invoke(invocation, for: exchange, on: worker) { [self] outcome, sets in
            let reply = PlainReply(outcome, sets, accept: wish.accept)
            if reply.size > Self.longText, reply.type == .json {
                offload(exchange, on: worker, to: readers) { () throws(Problem) in try reply.response() }
            } else {
                do throws(Problem) { exchange.respond(try reply.response()) } catch { exchange.fail(error) }
            }
        }
    }
}

/// What a request says beside its body.
private struct PlainWish: Sendable {
    let name: String
    let className: String?
    let fresh: Bool
    let deadline: UInt64
    let tenant: Tenant
    let accept: [UInt8]?

    init(_ name: String, _ request: Request, tenant: Tenant, deadline: UInt64) throws(Problem) {
        let parameters = try Query.parameters(request.head.queryBytes, known: ["class", "fresh"])
        self.name = name
        self.deadline = deadline
        self.tenant = tenant
        className = parameters["class"]
        fresh = parameters["fresh"] == "true"
        accept = request.head.value("accept").map { [UInt8]($0) }
        guard accept.preferred(of: MediaType.allCases) != nil else { throw .notAcceptable }
    }
}

/// How a request carries its input sets.
private struct InvocationForm: Sendable {
    private let type: MediaType
    private let contentType: [UInt8]?
    private let body: Blob
    private let declared: [String]

    init(_ request: Request, declared: [String]) {
        let contentType = request.head.value("content-type")
        type = MediaType(contentType: contentType)
        self.contentType = contentType.map { [UInt8]($0) }
        body = request.body
        self.declared = declared
    }

    var isText: Bool { type == .json || type == .multipart }

    /// By position.
    func sets() throws(Problem) -> [ItemSet] {
        switch type {
        case .raw:
            // Neither content nor a type for it: no input.
            if body.count == 0, contentType == nil { return [] }
            return try place([ItemSet(name: .empty, items: [Item(ident: .empty, data: body)])])
        case .json: return try place(try JSONSets.parse(body))
        case .multipart: return try place(try (contentType ?? []).parseMultipart(body))
        case .bson:
            do { return try InvocationDocument(body, needsTarget: false).sets } catch { throw error.problem }
        }
    }

    /// Named sets at the places of their inputs, those without a name at their own.
    private func place(_ sets: [ItemSet]) throws(Problem) -> [ItemSet] {
        var placed: [ItemSet?] = declared.map { _ in nil }
        for (position, set) in sets.enumerated() {
            let name = set.name.text
            let index = name.isEmpty ? position : declared.firstIndex(of: name) ?? declared.count
            guard index < declared.count else {
                throw .malformed("no input '\(name)' (set \(position)); there are: \(declared.joined(separator: ", "))")
            }
            guard placed[index] == nil else { throw .malformed("input '\(declared[index])' is given twice") }
            placed[index] = ItemSet(name: Blob(declared[index]), items: set.items)
        }
        return zip(declared, placed).map { name, set in set ?? ItemSet(name: Blob(name)) }
    }
}

/// The reply to an invocation that succeeded.
private struct PlainReply: Sendable {
    let type: MediaType?
    /// Bytes of all items.
    let size: Int
    private let sets: [ItemSet]
    private let exitCode: Int32
    private let timeline: InvocationTimeline

    init(_ outcome: InvocationOutcome, _ outputs: [OutputSet], accept: [UInt8]?) {
        sets = outputs.map { ItemSet(name: $0.declared, items: $0.set.items) }
        exitCode = outcome.exitCode
        timeline = outcome.timeline
        size = sets.reduce(0) { $0 + $1.items.reduce(0) { $0 + $1.data.count } }
        let isSingle = sets.reduce(0) { $0 + $1.items.count } == 1
        type = accept.preferred(of: isSingle ? MediaType.allCases : [.json, .bson, .multipart])
    }

    func response() throws(Problem) -> Response {
        var response: Response
        switch type {
        case .raw:
            let item = sets.first { !$0.items.isEmpty }?.items.first
            response = Response(.ok, contentType: "application/octet-stream", .blob(item?.data ?? .empty))
        case .json: response = Response(.ok, contentType: "application/json", .bytes(JSONSets.write(sets)))
        case .bson:
            do throws(Failure) {
                response = Response(.ok, contentType: "application/bson", .bson(try BSONReply(sets)))
            } catch { throw Problem(error) }
        case .multipart:
            let boundary = Multipart.makeBoundary()
            response = Response(.ok, .prepared(Multipart.write(sets, boundary: boundary)))
            let value = "multipart/form-data; boundary=\(boundary)"
            response.fields.append(.init(name: "content-type", value: value))
        case nil: throw .notAcceptable
        }
        response.add(exitCode: exitCode)
        response.add(timeline)
        return response
    }
}

extension [UInt8]? {
    /// The format that an Accept field of these bytes prefers.
    fileprivate func preferred(of offers: [MediaType]) -> MediaType? {
        guard let self else { return offers.first }
        return self.withUnsafeBytes { MediaType.preferred(accept: $0, offers: offers) }
    }
}

extension Problem {
    fileprivate static var notAcceptable: Problem {
        Problem(
            .notAcceptable, "notAcceptable",
            "replies are application/json, application/bson, multipart/form-data or, for one item, application/octet-stream"
        )
    }
}
