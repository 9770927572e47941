internal import Dispatcher
internal import Engines
internal import Failure
internal import Items
internal import Memory

/// The reply to an invocation that succeeded.
struct OutputReply: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; what it makes belongs to who calls.
    private let type: MediaType?
    private let namesType: Bool
    private let sets: [ItemSet]
    private let exitCode: Int32
    private let timeline: InvocationTimeline

    /// In the format that an Accept field asks for.
    init(_ sets: [ItemSet], _ exitCode: Int32, _ timeline: InvocationTimeline, accept: [UInt8]?) {
        let isSingle = sets.reduce(0) { $0 + $1.items.count } == 1
        self.init(
            sets, exitCode, timeline, accept.preferred(of: isSingle ? MediaType.allCases : [.json, .bson, .multipart]),
            namesType: true)
    }

    /// With the declared names of the outputs.
    init(_ outputs: Outputs, of outcome: InvocationOutcome, accept: [UInt8]?) {
        self.init(outputs.named, outcome.exitCode, outcome.timeline, accept: accept)
    }

    /// The original's: BSON, with the names that the producing function left, and no Content-Type.
    init(original outputs: Outputs, of outcome: InvocationOutcome) {
        self.init(outputs.sets, outcome.exitCode, outcome.timeline, .bson, namesType: false)
    }

    private init(
        _ sets: [ItemSet], _ exitCode: Int32, _ timeline: InvocationTimeline, _ type: MediaType?, namesType: Bool
    ) {
        self.sets = sets
        self.exitCode = exitCode
        self.timeline = timeline
        self.type = type
        self.namesType = namesType
    }

    /// Whether it is put together in some microseconds.
    var isShort: Bool {
        if type == .raw { return true }
        var rest = Self.shortReply
        for set in sets {
            rest -= Self.itemCost + set.name.count
            for item in set.items {
                // BSON and forms refer to long data, JSON translates every byte.
                let isCopied = type == .json || item.data.count < OutputBuffer.longBlob
                rest -= Self.itemCost + item.ident.count + (isCopied ? item.data.count : 0)
                guard rest >= 0 else { return false }
            }
        }
        return rest >= 0
    }

    /// Bytes.
    private static let shortReply = 64 << 10
    /// What an item takes beside its bytes, in bytes that take as long.
    private static let itemCost = 256

    /// The response, whose bytes the tenant has sent.
    fileprivate func counted(for tenant: Tenant) throws(Problem) -> Response {
        let response = try response(tenant.memory)
        tenant.sent(response.content.count)
        return response
    }

    func response(_ account: MemoryAccount) throws(Problem) -> Response {
        var response: Response
        do throws(Failure) {
            switch type {
            case .raw:
                let item = sets.first { !$0.items.isEmpty }?.items.first
                response = Response(.ok, contentType: "application/octet-stream", .blob(item?.data ?? .empty))
            case .json:
                response = Response(
                    .ok, contentType: "application/json", .blob(try JSONReply.make(sets, account)))
            case .bson:
                let reply = try BSONReply(sets)
                response = Response(.ok, contentType: namesType ? "application/bson" : nil, .document(reply))
                if reply.size > OutputBuffer.initialCapacity {
                    let output = OutputBuffer(account, .answers)
                    try output.reserve(reply.bytesToCopy)
                    reply.write(to: output)
                    response.content = .prepared(output)
                }
            case .multipart:
                let boundary = Multipart.makeBoundary()
                let output = OutputBuffer(account, .answers)
                try Multipart.write(sets, boundary: boundary, to: output)
                response = Response(.ok, .prepared(output))
                let value = "multipart/form-data; boundary=\(boundary)"
                response.fields.append(.init(name: "content-type", value: value))
            case nil: throw Failure(.internal, "no format was chosen")
            }
        } catch { throw type == nil ? .notAcceptable : Problem(error) }
        response.add(exitCode: exitCode)
        response.timeline = timeline
        return response
    }
}

extension Router {
    /// Answers with outputs; a helper thread puts together what takes long.
    func reply(_ reply: OutputReply, to exchange: Exchange, for tenant: Tenant, on worker: Worker) {
        guard reply.isShort else {
            return offload(exchange, on: worker, to: readers) { () throws(Problem) in
                try reply.counted(for: tenant)
            }
        }
        do throws(Problem) { exchange.respond(try reply.counted(for: tenant)) } catch { exchange.fail(error) }
    }
}

extension [UInt8]? {
    /// The format that an Accept field of these bytes prefers.
    func preferred(of offers: [MediaType]) -> MediaType? {
        guard let self else { return offers.first }
        return self.withUnsafeBytes { MediaType.preferred(accept: $0, offers: offers) }
    }
}

extension Problem {
    static var notAcceptable: Problem {
        Problem(
            .notAcceptable, "notAcceptable",
            "replies are application/json, application/bson, multipart/form-data or, for one item, application/octet-stream"
        )
    }
}
